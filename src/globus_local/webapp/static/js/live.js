// A page that lives: reads its own fragment every two seconds while someone looks at it, until it is over.

import { prepare } from "./pages.js";
import { fetchFragment, RequestError } from "./requests.js";

const EVERY_MS = 2000;
const area = document.querySelector("[data-live]");
const spoken = document.querySelector("[data-live-spoken]");
let last = "";
let pause = EVERY_MS;

async function turn() {
  if (!document.hidden) {
    try {
      show(await fetchFragment(location.href));
      pause = EVERY_MS;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      pause = Math.min(pause * 2, 30000); // a server that is down is not asked every two seconds
    }
  }
  if (!area.querySelector("[data-over]")) setTimeout(turn, pause);
}

function show(text) {
  if (text === last) return;
  last = text;
  const before = states();
  const focused = area.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...area.querySelectorAll("details[open][id]")].map((details) => details.id);
  area.innerHTML = text; // from our own server, escaped there; the policy forbids inline scripts
  prepare(area);
  for (const id of open) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  speak(before);
}

/** What a screen reader is told: only states that have changed, not each number. */
function speak(before) {
  const changed = [...states()].filter(([key, { state }]) => before.has(key) && before.get(key).state !== state);
  if (changed.length) spoken.textContent = changed.map(([, { words }]) => words).join(". ");
}

function states() {
  const found = new Map();
  for (const each of area.querySelectorAll("[data-spoken]")) {
    found.set(each.dataset.spoken, { state: each.textContent.trim(), words: each.dataset.spokenText });
  }
  return found;
}

setTimeout(turn, EVERY_MS);
