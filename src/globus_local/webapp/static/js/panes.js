// The panes in the page: swapping one without loading the page, selection, the URL as the state.

import { fetchFragment, RequestError } from "./requests.js";
import { countInWords, prepare } from "./pages.js";

const KEYS = ["id", "path", "sort", "page"];
const turns = new Map(); // side -> number of the newest request: an older answer is dropped

export function paneOf(side) {
  return document.querySelector(`[data-pane="${side}"]`);
}

export function say(side, text) {
  const box = paneOf(side)?.querySelector("[data-message]");
  if (!box) return;
  box.textContent = text;
  box.hidden = text === "";
}

/** The address bar's parameters with one side taken from another address: the other pane stays as it is. */
export function merged(side, address) {
  const wanted = new URL(address, location.href).searchParams;
  const next = new URL(location.href);
  for (const key of KEYS.map((each) => `${side}_${each}`)) {
    if (wanted.has(key)) next.searchParams.set(key, wanted.get(key));
    else next.searchParams.delete(key);
  }
  next.searchParams.set("two_pane", paneOf("destination") ? "true" : "false");
  return next;
}

/** Show in one pane what an address asks for, and make that address the page's. */
export async function go(side, address, { focus = "title" } = {}) {
  const next = merged(side, address);
  if (await load(side, next.search, { focus })) {
    if (next.href !== location.href) history.pushState(null, "", next);
  }
}

/** Show a pane's folder again, keeping what is selected and where the reader is. */
export async function refresh(side) {
  const selected = new Set(selectedRows(side).map((row) => row.dataset.row));
  if (!(await load(side, location.search, { focus: "keep" }))) return;
  for (const row of paneOf(side).querySelectorAll("[data-row]")) {
    if (selected.has(row.dataset.row)) row.querySelector('input[type="checkbox"]').checked = true;
  }
  showSelection(side);
}

async function load(side, search, { focus }) {
  const turn = (turns.get(side) ?? 0) + 1;
  turns.set(side, turn);
  const before = paneOf(side);
  if (focus !== "keep") before.setAttribute("aria-busy", "true");
  try {
    const text = await fetchFragment(`/file-manager/pane/${side}${search}`);
    if (turns.get(side) !== turn) return false;
    const after = paneFrom(text);
    if (focus !== "keep" || !freshen(before, after)) swap(before, after, focus);
    return true;
  } catch (error) {
    if (turns.get(side) !== turn) return false;
    before.removeAttribute("aria-busy");
    if (!(error instanceof RequestError)) throw error;
    say(side, error.message);
    return false;
  }
}

function paneFrom(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text; // from our own server, escaped there; the policy forbids inline scripts
  const pane = holder.content.querySelector("[data-pane]");
  prepare(pane);
  return pane;
}

/** Show the same folder again: only its list changes, so that an open menu and what is typed there stay. */
function freshen(before, after) {
  const parts = ["[data-listing]", ".pane-foot"].map((part) => [before.querySelector(part), after.querySelector(part)]);
  if (parts.some(([old, fresh]) => !old || !fresh)) return false;
  const { scrollTop } = parts[0][0];
  const focused = before.contains(document.activeElement) ? describe(document.activeElement) : null;
  for (const [old, fresh] of parts) old.replaceWith(fresh);
  parts[0][1].scrollTop = scrollTop;
  if (focused && !before.contains(document.activeElement)) before.querySelector(focused)?.focus({ preventScroll: true });
  return true;
}

function swap(before, after, focus) {
  const had = before.contains(document.activeElement) ? describe(document.activeElement) : null;
  before.replaceWith(after);
  if (!had) return;
  // The link that was followed is gone: the next thing to read is where one is now.
  const next = { title: "h2", keep: had }[focus] ?? focus;
  (after.querySelector(next) ?? after.querySelector("h2")).focus({ preventScroll: focus === "keep" });
}

function describe(focused) {
  if (focused.id) return `#${CSS.escape(focused.id)}`;
  for (const name of ["sort", "refresh", "rename", "action", "choose"]) {
    if (focused.dataset[name]) return `[data-${name}="${CSS.escape(focused.dataset[name])}"]`;
  }
  return "h2";
}

export function selectedRows(side) {
  const pane = paneOf(side);
  if (!pane) return [];
  return [...pane.querySelectorAll("[data-row]")].filter((row) => row.querySelector("input:checked"));
}

export function showSelection(side) {
  const pane = paneOf(side);
  const rows = pane.querySelectorAll("[data-row]");
  const selected = selectedRows(side);
  for (const row of rows) row.classList.toggle("selected", selected.includes(row));
  const all = pane.querySelector("[data-select-all]");
  if (all) {
    all.checked = selected.length > 0 && selected.length === rows.length;
    all.indeterminate = selected.length > 0 && selected.length < rows.length;
  }
  const words = pane.querySelector("[data-selection]");
  if (words) words.textContent = selected.length ? `${countInWords(selected.length, "item", "items")} selected` : "";
}

// Shift and a click select everything between two boxes, as in any list of files.
let lastBox = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-row] input[type=checkbox]");
  if (!box) return;
  const boxes = [...box.closest("tbody").querySelectorAll("input[type=checkbox]")];
  const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)];
  if (event.shiftKey && from >= 0) {
    for (const each of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) each.checked = box.checked;
  }
  lastBox = box;
});

document.addEventListener("change", (event) => {
  const pane = event.target.closest?.("[data-pane]");
  if (!pane || event.target.type !== "checkbox") return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of pane.querySelectorAll("[data-row] input[type=checkbox]")) box.checked = event.target.checked;
  }
  showSelection(pane.dataset.pane);
});

window.addEventListener("popstate", async () => {
  const sides = ["origin", "destination"].filter(paneOf);
  const shown = await Promise.all(sides.map((side) => load(side, location.search, { focus: "keep" })));
  if (shown.includes(false)) location.reload();
});
