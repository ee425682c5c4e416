// Uploads: a queue of files and folders, three at a time, with retries, cancel and what failed.
// How it looks is in upload_list.js; reading what was dropped in dropped.js; one file in put.js.

import { ask, paragraph } from "./ask.js";
import { dropped } from "./dropped.js";
import { exists, put } from "./put.js";
import { paneOf, refresh, say } from "./panes.js";
import { RequestError, sendForm } from "./requests.js";
import { UploadList } from "./upload_list.js";

const AT_ONCE = 3;
const TRIES = 3;
const PAUSES_MS = [500, 2000];
const MAY_PASS = new Set([0, 408, 429, 500, 502, 503, 504]);

const list = new UploadList({ retry: retryFailed, retryOne, cancel: cancelAll, cancelOne, close: forget });
let waiting = []; // items that nobody works on yet
let failed = [];
let working = 0;
let reading = 0; // drops that are still being read
let answers = new Map(); // upload number -> "replace", "skip" or "stop"
let numbers = 0;
let question = Promise.resolve();

/** Put what was dropped or chosen into the folder that the pane shows now. */
export async function uploadInto(side, source) {
  const pane = paneOf(side);
  if (!pane?.dataset.uploadUrl) {
    say(side, "Open a folder that you may change first, then drop files into it.");
    return;
  }
  numbers += 1;
  const target = {
    number: numbers,
    side,
    base: pane.dataset.uploadUrl,
    view: location.search.slice(1),
    made: new Map(), // folder path -> promise of whether it is new
    stopped: new AbortController(),
  };
  reading += 1;
  list.began();
  document.body.dataset.busy = "";
  try {
    for await (const item of dropped(source)) {
      if (target.stopped.signal.aborted) break;
      await take(target, item);
    }
  } catch (error) {
    say(side, `Not everything could be read from your computer: ${error.message ?? error}`);
  } finally {
    reading -= 1;
    rest();
  }
}

async function take(target, { path, folder, open }) {
  const item = { target, path, folder, open, size: 0, sent: 0, tries: 0, aborter: new AbortController(), state: "waiting" };
  if (!folder) {
    try {
      item.file = await open();
      item.size = item.file.size;
    } catch {
      add(item);
      fail(item, "Your computer does not let this file be read.");
      return;
    }
  }
  add(item);
  waiting.push(item);
  work();
}

function add(item) {
  item.aborted = () => item.aborter.signal.aborted;
  list.add(item);
}

function work() {
  while (working < AT_ONCE && waiting.length) {
    const item = waiting.shift();
    if (item.aborted()) continue;
    working += 1;
    perform(item).finally(() => {
      working -= 1;
      work();
      rest();
    });
  }
}

async function perform(item) {
  item.state = "working";
  list.show(item);
  try {
    const isNew = await folderOf(item);
    if (item.folder) await makeFolder(item.target, item.path);
    else {
      const wish = isNew ? "new" : await wishFor(item);
      if (wish === "skip") return settle(item, "skipped");
      await send(item, wish === "replace");
    }
    settle(item, "done");
  } catch (error) {
    if (error.name === "AbortError") settle(item, "cancelled");
    else if (error instanceof RequestError) fail(item, error.message);
    else {
      fail(item, "Your computer does not let this file be read, or it has changed meanwhile.");
      console.error(error);
    }
  }
  return undefined;
}

async function send(item, mayReplace) {
  for (;;) {
    item.tries += 1;
    try {
      await put(addressOf(item), item.file, {
        mayReplace,
        signal: item.aborter.signal,
        progress: (sent) => {
          item.sent = Math.min(sent, item.size);
          list.moved(item);
        },
      });
      return;
    } catch (error) {
      const again = error instanceof RequestError && MAY_PASS.has(error.status) && item.tries < TRIES;
      if (!again) throw error;
      item.sent = 0;
      list.moved(item);
      await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[item.tries - 1]));
      if (item.aborted()) throw new DOMException("Cancelled", "AbortError");
    }
  }
}

/** Wait until the folder that the item goes into is made; answers whether it is new (then nothing is in it). */
function folderOf(item) {
  const cut = item.path.lastIndexOf("/");
  return cut < 0 ? Promise.resolve(false) : makeFolder(item.target, item.path.slice(0, cut));
}

function makeFolder(target, path) {
  if (!target.made.has(path)) {
    const making = makeOneFolder(target, path);
    making.catch(() => target.made.delete(path)); // a retry asks again
    target.made.set(path, making);
  }
  return target.made.get(path);
}

async function makeOneFolder(target, path) {
  const cut = path.lastIndexOf("/");
  if (cut > 0) await makeFolder(target, path.slice(0, cut));
  const form = new FormData();
  form.set("view", target.view);
  form.set("side", target.side);
  form.set("name", path);
  try {
    await sendForm("/file-manager/folder", form);
    return true;
  } catch (error) {
    if (error instanceof RequestError && error.code === "Exists") return false;
    throw error;
  }
}

/** "new" if nothing of this name is there; else what the person wants, asked once for each upload. */
function wishFor(item) {
  const decided = question.then(async () => {
    if (!(await exists(addressOf(item)))) return "new";
    const { number } = item.target;
    if (!answers.has(number)) answers.set(number, await askAbout(item));
    if (answers.get(number) === "stop") {
      cancelUpload(item.target);
      throw new DOMException("Cancelled", "AbortError");
    }
    return answers.get(number);
  });
  question = decided.catch(() => {});
  return decided;
}

async function askAbout(item) {
  const pressed = await ask({
    title: "Some of these files are there already",
    body: [paragraph(`For example ${item.path}. What shall happen to files of the same name?`)],
    buttons: [
      { value: "replace", label: "Replace them", kind: "primary" },
      { value: "skip", label: "Keep those that are there" },
      { value: "stop", label: "Stop this upload" },
    ],
  });
  return pressed || "stop";
}

function addressOf({ target, path }) {
  return target.base + path.split("/").map(encodeURIComponent).join("/");
}

function settle(item, state) {
  item.state = state;
  if (state === "done") item.sent = item.size;
  list.show(item);
  soon(item.target);
}

function fail(item, words) {
  item.state = "failed";
  item.words = words;
  item.sent = 0;
  failed.push(item);
  list.show(item);
}

function retryOne(item) {
  failed = failed.filter((each) => each !== item);
  Object.assign(item, { state: "waiting", tries: 0, words: "", aborter: new AbortController() });
  list.show(item);
  waiting.push(item);
  work();
}

function retryFailed() {
  for (const item of [...failed]) retryOne(item);
}

function cancelOne(item) {
  item.aborter.abort();
  waiting = waiting.filter((each) => each !== item);
  if (item.state === "waiting") settle(item, "cancelled");
  rest();
}

function cancelUpload(target) {
  target.stopped.abort();
  for (const item of list.unsettled()) if (item.target === target) cancelOne(item);
}

function cancelAll() {
  for (const item of list.unsettled()) {
    item.target.stopped.abort();
    cancelOne(item);
  }
}

function forget() {
  failed = [];
  answers = new Map();
}

function rest() {
  if (working || waiting.length || reading) return;
  delete document.body.dataset.busy;
  list.rest();
}

// A pane that shows the folder being filled is read again, though not for every file.
const planned = new Map();
function soon(target) {
  if (planned.has(target.side)) return;
  planned.set(
    target.side,
    setTimeout(() => {
      planned.delete(target.side);
      if (paneOf(target.side)?.dataset.uploadUrl === target.base) refresh(target.side);
    }, 1500),
  );
}

window.addEventListener("beforeunload", (event) => {
  if (document.body.dataset.busy !== undefined) event.preventDefault();
});
