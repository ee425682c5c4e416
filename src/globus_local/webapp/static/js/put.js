// One file to one address: PUT with progress. XMLHttpRequest, because fetch cannot tell how much was sent.

import { HEADERS, RequestError } from "./requests.js";

const WORDS = {
  401: "You are signed out. Sign in again in another tab, then retry.",
  403: "You may not write here any more.",
  404: "The folder is not there any more.",
  409: "The folder is not there any more, or a folder has this name.",
  412: "A file of this name has come meanwhile. Retry to decide what shall happen to it.",
  413: "This file is too large for the server.",
  507: "The disk of the collection is full.",
};

/** Resolves when the file is stored. `signal` aborts; `progress(bytes)` tells how much was sent.
 *  Unless `mayReplace`, a file that is there already stays as it is, and this fails with status 412. */
export function put(address, file, { signal, progress, mayReplace }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("PUT", address);
    for (const [name, value] of Object.entries(HEADERS)) request.setRequestHeader(name, value);
    if (!mayReplace) request.setRequestHeader("If-None-Match", "*");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new RequestError(words(request), request.status));
    });
    request.addEventListener("error", () => reject(new RequestError("The connection broke.", 0)));
    request.addEventListener("abort", () => reject(new DOMException("Cancelled", "AbortError")));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    signal.addEventListener("abort", stop);
    if (signal.aborted) reject(new DOMException("Cancelled", "AbortError"));
    else request.send(file);
  });
}

/** Whether something is at this address already. */
export async function exists(address) {
  const response = await fetch(address, { method: "HEAD", headers: HEADERS, redirect: "manual" });
  return response.ok;
}

function words(request) {
  if (request.status === 401 || request.status === 412) return WORDS[request.status];
  try {
    const { message } = JSON.parse(request.responseText);
    if (message) return message;
  } catch {
    // Not JSON: the status has to do.
  }
  return WORDS[request.status] ?? `The server answered with an error (${request.status}).`;
}
