// Words for the painter, in a field that grows with them.

import { h } from "../dom.js";

/** The field: `{element, input, read}`. `form` tells apart forms on one page. */
export function promptField(form, label) {
  const id = `${form}-prompt`;
  const input = h("textarea", { class: "input", id, rows: 1, maxlength: 2000, autocomplete: "off" });
  const element = h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label), input);
  return { element, input, read: () => input.value.trim() };
}
