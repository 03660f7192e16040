// A dialog with a title and a way to close it; the element that opened it has the focus again afterwards.

import { h, icon } from "../dom.js";

const CROSS = "M6 6l12 12M18 6 6 18";

/** Opens a dialog and returns it. It closes by its button, by Escape, by a press beside it, and when `signal` is aborted. */
export function modal({ title, about = "", body, signal, wide = false }) {
  const close = h("button", { class: "tool dialog-close", type: "button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon(CROSS, 20));
  const dialog = h("dialog", { class: wide ? "dialog dialog-wide" : "dialog", "aria-labelledby": "dialog-title" },
    h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title), close), about && h("p", { class: "soft" }, about), body);
  const back = document.activeElement;
  dialog.addEventListener("close", () => { dialog.remove(); back?.focus?.(); });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  signal?.addEventListener("abort", () => dialog.close(), { once: true });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
