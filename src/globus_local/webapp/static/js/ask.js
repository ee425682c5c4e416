// A question in a dialog. Resolves to the value of the pressed button, or "" when it was closed.

import { element } from "./pages.js";

/** `buttons`: [{value, label, kind}], the first one is what Enter does. `body`: nodes. */
export function ask({ title, body = [], buttons, focus = null }) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("[data-ask-title]").textContent = title;
  dialog.querySelector("[data-ask-body]").replaceChildren(...body);
  dialog.querySelector("[data-ask-buttons]").replaceChildren(
    ...buttons.map(({ value, label, kind }) =>
      element("button", { class: `btn btn-${kind ?? "quiet"}`, value, formnovalidate: value === "" }, label),
    ),
  );
  dialog.returnValue = "";
  const answered = new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
  dialog.showModal();
  focus?.focus();
  focus?.select?.();
  return answered;
}

export function paragraph(text) {
  return element("p", {}, text);
}
