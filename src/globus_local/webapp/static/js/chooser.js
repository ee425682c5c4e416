// The choice of a collection in a dialog: search as you type, and a pane opens what was chosen.

import { prepare } from "./pages.js";
import { go } from "./panes.js";
import { fetchFragment, RequestError } from "./requests.js";

const dialog = document.getElementById("chooser");
const inside = dialog.querySelector("[data-chooser]");
let side = "origin";
let waiting = 0;
let turn = 0;

export async function openChooser(wantedSide, link) {
  side = wantedSide;
  try {
    inside.innerHTML = await fetchFragment(chooserAddress(""));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    location.href = link.href; // the page without scripts says what is wrong
    return;
  }
  prepare(inside);
  dialog.showModal();
  inside.querySelector("input[type=search]").focus();
}

function chooserAddress(q) {
  const address = new URL("/file-manager/choose", location.href);
  address.search = location.search;
  address.searchParams.set("side", side);
  address.searchParams.set("q", q);
  return address;
}

async function search() {
  turn += 1;
  const mine = turn;
  const results = inside.querySelector("[data-chooser-results]");
  try {
    const text = await fetchFragment(chooserAddress(inside.querySelector("input[type=search]").value));
    if (mine !== turn) return; // something newer was typed
    const holder = document.createElement("template");
    holder.innerHTML = text;
    results.replaceChildren(...holder.content.querySelector("[data-chooser-results]").childNodes);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    results.textContent = error.message;
  }
}

inside.addEventListener("input", (event) => {
  if (event.target.type !== "search") return;
  clearTimeout(waiting);
  waiting = setTimeout(search, 200);
});

inside.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});

inside.addEventListener("click", (event) => {
  if (event.target.closest("[data-dialog-close]")) {
    dialog.close();
    return;
  }
  const link = event.target.closest("a[data-chosen]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  dialog.close();
  go(side, link.href);
});
