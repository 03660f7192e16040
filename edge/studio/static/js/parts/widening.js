// More room around a picture: the canvas grows, and the new part is painted.

import { h } from "../dom.js";
import { fieldForm } from "./fields.js";
import { promptField } from "./prompt.js";

const SIDES = { left: "Left", right: "Right", top: "Above", bottom: "Below" };
const MOST = 4000;

/** The form: `{element, clear()}`; `send(operation)` is told what is to be done. */
export function widening({ send }) {
  const sides = Object.entries(SIDES).map(([name, label]) => side(name, label));
  const prompt = promptField("expand", "What should be there?");

  async function act() {
    const margins = Object.fromEntries(sides.map(({ name, input }) => [name, Number(input.value) || 0]).filter(([, value]) => value > 0));
    if (!Object.keys(margins).length) throw new Error("Give at least one side some pixels, such as 200.");
    if (Object.values(margins).some((value) => value > MOST || !Number.isInteger(value))) throw new Error(`A side takes whole pixels, at most ${MOST}.`);
    await send({ op: "expand", ...margins, ...(prompt.read() ? { prompt: prompt.read() } : {}) });
  }

  const form = fieldForm({ fields: [], label: "Make room", busy: "Sending it off", act });
  form.prepend(h("div", { class: "margins" }, sides.map(({ element }) => element)), prompt.element, h("p", { class: "field-hint" }, "In pixels of the picture. Without words, what is added follows the picture."));
  return { element: form, clear() { for (const { input } of sides) input.value = ""; } };
}

function side(name, label) {
  const id = `expand-${name}`;
  const input = h("input", { class: "input", id, type: "number", inputmode: "numeric", min: 0, max: MOST, step: 1, placeholder: "0" });
  return { name, input, element: h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label), input) };
}
