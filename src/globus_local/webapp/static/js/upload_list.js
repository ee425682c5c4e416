// The panel that shows uploads: totals, and a line for each file that is moving or needs a decision.

import { countInWords, element, iconOf, sizeInWords } from "./pages.js";

const LINES = 200; // a line for each of 100,000 files helps nobody; the totals count them all
const SPOKEN_EVERY_MS = 8000;
const STATES = {
  waiting: { icon: "clock", word: "Waiting" },
  working: { icon: "arrow-repeat", word: "Uploading" },
  done: { icon: "check-circle", word: "Uploaded" },
  skipped: { icon: "check-circle", word: "Kept what was there" },
  cancelled: { icon: "x-circle", word: "Cancelled" },
  failed: { icon: "exclamation-triangle", word: "Failed" },
};

export class UploadList {
  constructor(actions) {
    this.actions = actions;
    this.panel = document.querySelector("[data-uploads]");
    this.bar = this.find("bar");
    this.find("retry").addEventListener("click", () => actions.retry());
    this.find("cancel").addEventListener("click", () => actions.cancel());
    this.find("close").addEventListener("click", () => this.close());
    this.clear();
  }

  find(part) {
    return this.panel.querySelector(`[data-uploads-${part}]`);
  }

  clear() {
    this.items = new Set();
    this.lines = new Map();
    this.unlisted = []; // items without a line yet, in their order
    this.count = { files: 0, folders: 0, waiting: 0, working: 0, done: 0, failed: 0, skipped: 0, cancelled: 0 };
    this.bytes = { all: 0, sent: 0 };
    this.startedAt = performance.now();
    this.spokenAt = 0;
    this.find("list").replaceChildren();
  }

  began() {
    if (this.panel.hidden) this.clear();
    // A small screen shows the totals first; a failure opens the list there too.
    if (this.panel.hidden) this.find("details").open = matchMedia("(width >= 40rem)").matches;
    this.panel.hidden = false;
    this.find("close").hidden = true;
    this.find("cancel").hidden = false;
    this.draw();
  }

  add(item) {
    if (!item.folder) this.count.files += 1;
    this.bytes.all += item.size;
    item.counted = 0;
    this.items.add(item);
    item.shown = item.state;
    this.count[item.state] += 1;
    if (this.lines.size < LINES) this.line(item);
    else this.unlisted.push(item);
    this.draw();
  }

  /** Bytes have moved. */
  moved(item) {
    this.bytes.sent += item.sent - item.counted;
    item.counted = item.sent;
    const line = this.lines.get(item);
    if (line) line.querySelector("progress").value = item.size ? item.sent / item.size : 0;
    this.draw();
  }

  /** The item's state has changed. */
  show(item) {
    this.moved(item);
    this.count[item.shown] -= 1;
    this.count[item.state] += 1;
    if (item.folder && item.state === "done") this.count.folders += 1;
    item.shown = item.state;
    if (["done", "skipped", "cancelled"].includes(item.state)) this.items.delete(item);
    else this.items.add(item);
    if (!this.lines.has(item) && item.state === "failed") this.line(item);
    this.words(item);
    this.draw();
  }

  unsettled() {
    return [...this.items].filter((item) => item.state === "waiting" || item.state === "working");
  }

  get isMoving() {
    return this.count.waiting + this.count.working > 0;
  }

  /** Nothing is moving any more. */
  rest() {
    this.find("cancel").hidden = true;
    this.find("close").hidden = false;
    this.draw();
    this.speak(true);
  }

  close() {
    this.panel.hidden = true;
    this.actions.close();
    this.clear();
    document.querySelector("#main, main")?.focus();
  }

  line(item) {
    const name = element("bdi", { class: "upload-name" }, item.path + (item.folder ? "/" : ""));
    const state = element("span", { class: "upload-state" });
    const button = element("button", { type: "button", class: "btn btn-quiet" });
    button.addEventListener("click", () => {
      if (item.state === "failed") this.actions.retryOne(item);
      else this.actions.cancelOne(item);
    });
    const bar = element("progress", { max: 1, value: 0, "aria-hidden": "true" });
    const line = element("li", {}, name, bar, state, button);
    this.lines.set(item, line);
    this.find("list").append(line);
    this.words(item);
  }

  words(item) {
    const line = this.lines.get(item);
    if (!line) return;
    const { icon, word } = STATES[item.state];
    line.className = `upload-${item.state}`;
    line.querySelector(".upload-state").replaceChildren(
      iconOf(icon),
      item.words ? `${word}: ${item.words}` : item.folder && item.state === "done" ? "Made" : word,
    );
    const button = line.querySelector("button");
    const ended = ["done", "skipped", "cancelled"].includes(item.state);
    if (item.state === "failed") this.find("details").open = true;
    button.hidden = ended;
    button.textContent = item.state === "failed" ? "Retry" : "Cancel";
    button.setAttribute("aria-label", `${button.textContent} ${item.path}`);
    line.querySelector("progress").hidden = item.folder || item.state !== "working";
    // What is done makes room for what is not, or the list would show the first 200 for ever.
    if (!ended || !this.unlisted.length) return;
    line.remove();
    this.lines.delete(item);
    while (this.unlisted.length && this.lines.size < LINES) {
      const next = this.unlisted.shift();
      if (next.state === "waiting" && !this.lines.has(next)) this.line(next);
    }
  }

  draw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.bar.value = this.bytes.all ? this.bytes.sent / this.bytes.all : this.isMoving ? 0 : 1;
      this.find("summary").textContent = this.summary();
      this.find("retry").hidden = this.count.failed === 0;
      this.speak(false);
    });
  }

  summary() {
    const { files, folders, done, failed, skipped, cancelled } = this.count;
    const parts = [`${(done - folders).toLocaleString("en")} of ${countInWords(files, "file", "files")}`];
    parts.push(`${sizeInWords(this.bytes.sent)} of ${sizeInWords(this.bytes.all)}`);
    const seconds = (performance.now() - this.startedAt) / 1000;
    if (this.isMoving && seconds > 1) parts.push(`${sizeInWords(Math.round(this.bytes.sent / seconds))} a second`);
    if (skipped) parts.push(`${skipped} kept`);
    if (cancelled) parts.push(`${cancelled} cancelled`);
    if (failed) parts.push(`${failed} failed`);
    return parts.join(", ");
  }

  speak(now) {
    if (!now && performance.now() - this.spokenAt < SPOKEN_EVERY_MS) return;
    this.spokenAt = performance.now();
    this.find("spoken").textContent = now ? `Uploads have ended: ${this.summary()}` : this.summary();
  }
}
