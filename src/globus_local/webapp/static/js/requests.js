// Talking to the server: every request of our scripts says that it is one, and brings the session's word.

export const HEADERS = { "X-Requested-With": "globus-local" };

/** A refusal in the server's words; `status` 0 means that the server was not reached. */
export class RequestError extends Error {
  constructor(message, status, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function formWord() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

/** Fetch a fragment of a page as text. */
export async function fetchFragment(url) {
  const response = await reach(url, { headers: HEADERS });
  return response.text();
}

/** Send a form and return the JSON answer. */
export async function sendForm(url, form) {
  const response = await reach(url, {
    method: "POST",
    body: form,
    headers: { ...HEADERS, "X-CSRF-Token": formWord(), Accept: "application/json" },
  });
  return response.json();
}

async function reach(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw new RequestError("The server cannot be reached. Check the connection and try again.", 0);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response) {
  let words = {};
  try {
    words = await response.json();
  } catch {
    // Not JSON: the status has to do.
  }
  if (response.status === 401) leaveForSignIn();
  const message = words.message ?? `The server answered with an error (${response.status}). Try again.`;
  return new RequestError(message, response.status, words.code);
}

/** The session is over: load the page again, which leads to the sign-in page and back here. */
export function leaveForSignIn() {
  if (document.body.dataset.busy === undefined) location.reload();
}
