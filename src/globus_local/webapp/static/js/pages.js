// What every page needs: the reader's own time, script-only controls, menus that close.

const FORMATS = {
  minutes: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  seconds: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
};

/** Make a fresh part of a page ready: call it for whatever a script has put in. */
export function prepare(root) {
  for (const element of root.querySelectorAll("[data-script-only]")) element.hidden = false;
  for (const element of root.querySelectorAll("[data-no-script-only]")) element.hidden = true;
  for (const time of root.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = (FORMATS[time.dataset.local] ?? FORMATS.minutes).format(at);
    delete time.dataset.local;
  }
  for (const input of root.querySelectorAll("[data-upload-files]")) input.multiple = true;
}

/** An icon of the sprite, from the page's template. */
export function iconOf(name) {
  const found = document.getElementById("icons-for-scripts")?.content.querySelector(`.icon-${name}`);
  return found ? found.cloneNode(true) : document.createTextNode("");
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function sizeInWords(bytes) {
  if (bytes < 1000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let value = bytes;
  let unit = "";
  for (unit of ["KB", "MB", "GB", "TB", "PB"]) {
    value /= 1000;
    if (value < 999.95) break;
  }
  return `${value.toFixed(1)} ${unit}`;
}

export function countInWords(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details[data-drop][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-drop][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

prepare(document);
