// The file manager's page: turns its links and forms into quick ones. Without this script they still work.

import { ask, paragraph } from "./ask.js";
import { openChooser } from "./chooser.js";
import { element } from "./pages.js";
import { go, paneOf, refresh, say, selectedRows, showSelection } from "./panes.js";
import { fetchFragment, RequestError, sendForm } from "./requests.js";
import { uploadInto } from "./uploads.js";

const OTHER = { origin: "destination", destination: "origin" };

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a[data-pane-link], a[data-choose], button[data-rename]");
  if (!link) return;
  if (link.dataset.rename) {
    rename(link.dataset.rename);
    return;
  }
  if (!link.href) return;
  event.preventDefault();
  if (link.dataset.refresh) refresh(link.dataset.refresh);
  else if (link.dataset.choose) openChooser(link.dataset.choose, link);
  else go(link.dataset.paneLink, link.href, { focus: link.dataset.sort ? `[data-sort="${link.dataset.sort}"]` : "title" });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.pathForm) {
    event.preventDefault();
    const side = form.dataset.pathForm;
    const next = new URL(location.href);
    next.searchParams.set(`${side}_path`, form.elements[`${side}_path`].value);
    next.searchParams.delete(`${side}_page`);
    go(side, next.href);
    return;
  }
  const source = form.matches("[data-work]") ? event.submitter : form;
  const act = { folder: makeFolder, delete: deleteSelected, transfer, upload: () => {} }[source?.dataset.action];
  if (!act) return;
  event.preventDefault();
  act(source.dataset.side, form, event.submitter);
});

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-upload-files], [data-upload-folder]") || !input.files.length) return;
  const side = input.closest("[data-pane]").dataset.pane;
  const files = [...input.files];
  input.value = "";
  input.closest("details").open = false;
  uploadInto(side, { files });
});

let hovering = null;
document.addEventListener("dragover", (event) => {
  const zone = event.target.closest?.("[data-drop-zone]");
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault(); // also elsewhere: a file dropped beside the list must not replace the page
  event.dataTransfer.dropEffect = zone ? "copy" : "none";
  if (hovering !== zone) mark(zone);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) mark(null);
});
document.addEventListener("drop", (event) => {
  const zone = event.target.closest?.("[data-drop-zone]");
  mark(null);
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  if (!zone) return;
  // Entries must be taken now: the list is emptied when this handler returns.
  const entries = [];
  const files = [];
  for (const item of event.dataTransfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) entries.push(entry);
    else files.push(item.getAsFile());
  }
  uploadInto(zone.dataset.dropZone, { entries, files });
});

function mark(zone) {
  hovering?.classList.remove("dropping");
  hovering = zone;
  hovering?.classList.add("dropping");
}

/** Send a form about one pane; afterwards that pane is read again. */
async function send(side, url, form) {
  say(side, "");
  form.set("view", location.search.slice(1));
  try {
    const answer = await sendForm(url, form);
    announce(answer);
    return answer;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    say(side, error.message);
    return null;
  }
}

async function makeFolder(side, form) {
  const details = form.closest("details");
  const answer = await send(side, form.action, new FormData(form));
  if (!answer) return;
  form.reset();
  details.open = false;
  await refresh(side);
  paneOf(side).querySelector("summary")?.focus();
}

async function rename(side) {
  const rows = selectedRows(side);
  if (rows.length !== 1) {
    say(side, "Select the one file or folder that you want to rename.");
    return;
  }
  const [row] = rows;
  const input = element("input", { class: "form-control", id: "new-name", required: true, autocomplete: "off" });
  input.value = row.dataset.label;
  const label = element("label", { class: "form-label", for: "new-name" }, "New name");
  const pressed = await ask({
    title: `Rename ${row.dataset.label}`,
    body: [label, input],
    buttons: [{ value: "rename", label: "Rename", kind: "primary" }, { value: "", label: "Keep the name" }],
    focus: input,
  });
  if (!pressed || input.value === row.dataset.label) return;
  const form = new FormData();
  form.set("side", side);
  form.set("old_name", row.dataset.row);
  form.set("name", input.value);
  if (await send(side, "/file-manager/rename", form)) await refresh(side);
}

async function deleteSelected(side, work, button) {
  const rows = selectedRows(side);
  if (!rows.length) {
    say(side, "Select what to delete first.");
    return;
  }
  const names = rows.slice(0, 10).map((row) => element("li", {}, element("bdi", {}, row.dataset.label)));
  if (rows.length > 10) names.push(element("li", {}, `and ${rows.length - 10} more`));
  const pressed = await ask({
    title: rows.length === 1 ? "Delete this item?" : `Delete these ${rows.length} items?`,
    body: [
      element("ul", { class: "plain-list" }, ...names),
      paragraph("Folders are deleted with everything in them, and nothing can be brought back."),
    ],
    buttons: [{ value: "delete", label: "Delete", kind: "danger" }, { value: "", label: "Keep" }],
  });
  if (!pressed) return;
  const form = new FormData(work);
  form.set("confirmed", "yes");
  const answer = await send(side, button.formAction, form);
  if (answer) await refreshWhenOver(side, answer.link);
}

async function transfer(side, work, button) {
  if (!selectedRows(side).length) {
    say(side, "Select what to transfer first.");
    return;
  }
  const form = new FormData(work);
  const answer = await send(side, button.formAction, form);
  if (!answer) return;
  work.elements.submission_id.value = ""; // the next transfer is another one
  for (const box of paneOf(side).querySelectorAll("[data-row] input:checked")) box.checked = false;
  showSelection(side);
  await refreshWhenOver(OTHER[side], answer.link);
}

/** Read a pane again while a task changes it: soon, and then ever more rarely until it is over. */
async function refreshWhenOver(side, taskLink) {
  const search = location.search;
  for (const seconds of [1, 1, 2, 4, 8, 15, 30, 60]) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    if (location.search !== search || !paneOf(side)) return;
    await refresh(side);
    if (taskLink && (await isOver(taskLink))) {
      await refresh(side);
      return;
    }
  }
}

async function isOver(taskLink) {
  try {
    return (await fetchFragment(taskLink)).includes("data-over");
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return true; // whoever wants to know more presses Refresh
  }
}

function announce({ message, link }) {
  const notice = document.querySelector("[data-notice]");
  notice.replaceChildren(element("span", {}, message));
  if (link) notice.append(" ", element("a", { href: link }, "Watch it"));
  notice.hidden = false;
}
