// A part of the account's page: rows of what there is, each with what can be done about it.

import { list } from "../api.js";
import { announce, h, show, toast } from "../dom.js";
import { failed } from "./states.js";

const MOST = 50;

/** A part: what is read at `path` is drawn by `draw(page, read)`, again after each change. */
export function part({ title, about, signal, path, draw }) {
  const body = h("div", { class: "settings-body" }, h("p", { class: "soft" }, "One moment."));
  const head = h("h2", { class: "part-title", tabindex: "-1" }, title);
  let drawn = false;
  async function read() {
    try {
      const page = await list(path, { limit: MOST }, signal);
      if (signal.aborted) return;
      const held = body.contains(document.activeElement) || document.activeElement === document.body;
      show(body, draw(page, read));
      if (held && drawn) head.focus({ preventScroll: true }); // what had the focus is gone
      drawn = true;
    } catch (failure) {
      if (!signal.aborted) show(body, failed(failure, read));
    }
  }
  read();
  return h("section", { class: "settings-part", "aria-label": title }, head, h("p", { class: "soft" }, about), body);
}

/** The list of rows, or nothing when there is none. */
export const rows = (items) => items.length > 0 && h("ul", { class: "rows" }, items);

/** One of them; `facts` that are not known are left out. */
export function row(name, facts, act) {
  return h("li", { class: "row" }, h("div", { class: "row-text" }, h("strong", {}, name), h("span", { class: "small soft" }, facts.filter(Boolean).join(" · "))), act);
}

/** A quiet button, whose name says of `what` it is. */
export function quiet(label, what, press) {
  return h("button", { class: "button button-quiet", type: "button", "aria-label": `${label} ${what}`, on: { click: press } }, label);
}

/** Does `work`, says so and reads again; a failure is told. */
export async function done(work, words, read) {
  try {
    await work();
    announce(words);
    toast(words);
  } catch (failure) {
    toast(failure.message);
  }
  read();
}
