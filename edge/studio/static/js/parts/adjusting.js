// Light and colour of an edited picture: sliders, with what can be shown of it at once.

import { h } from "../dom.js";
import { fieldForm } from "./fields.js";

const SLIDERS = [
  ["brightness", "Brightness", -1, 1, 0.05], ["contrast", "Contrast", -1, 1, 0.05], ["saturation", "Colour", -1, 1, 0.05],
  ["warmth", "Warmth", -1, 1, 0.05], ["sharpen", "Sharpness", 0, 1, 0.05], ["blur", "Blur", 0, 20, 0.5],
];

/** The form: `{element, clear()}`. `onPreview(values)` is told each move, `send(operation)` what is to be done. */
export function adjusting({ send, onPreview }) {
  const sliders = SLIDERS.map((row) => slider(row, changed));
  const values = () => Object.fromEntries(sliders.map(({ name, input }) => [name, Number(input.value)]).filter(([, value]) => value !== 0));

  function changed() {
    onPreview(values());
  }

  function clear() {
    for (const each of sliders) each.set(0);
    changed();
  }

  async function act() {
    const params = values();
    if (!Object.keys(params).length) throw new Error("Move a slider first.");
    await send({ op: "adjust", ...params });
  }

  const form = fieldForm({ fields: [], label: "Apply", busy: "Sending it off", act });
  form.prepend(h("div", { class: "sliders" }, sliders.map(({ element }) => element)));
  form.append(h("button", { class: "button button-quiet form-quiet", type: "button", on: { click: clear } }, "Reset"), h("p", { class: "field-hint" }, "Warmth and sharpness show when they are applied."));
  return { element: form, clear };
}

function slider([name, label, min, max, step], changed) {
  const id = `adjust-${name}`;
  const input = h("input", { class: "slider", type: "range", id, min, max, step, value: 0 });
  const output = h("output", { class: "soft", for: id });
  const say = () => { output.textContent = name === "blur" ? `${input.value} px` : `${Math.round(Number(input.value) * 100)} %`; };
  input.addEventListener("input", () => { say(); changed(); });
  say();
  const set = (value) => { input.value = value; say(); };
  return { name, input, set, element: h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label, output), input) };
}

/** The CSS filter that looks like these values; `scale` is the size on the screen over the picture's own. */
export function filterOf({ brightness = 0, contrast = 0, saturation = 0, blur = 0 }, scale) {
  return `brightness(${1 + brightness * 0.6}) contrast(${1 + contrast * 0.6}) saturate(${1 + saturation}) blur(${(blur * scale).toFixed(2)}px)`;
}
