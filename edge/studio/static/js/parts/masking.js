// Changing a part of a picture: it is marked on the picture, or as a whole third or half, and the marks go as a mask.

import { call } from "../api.js";
import { announce, h } from "../dom.js";
import { formOf } from "./drop.js";
import { choiceField, fieldForm } from "./fields.js";
import { markSheet } from "./marks.js";
import { promptField } from "./prompt.js";

const ACTS = {
  erase: ["Remove", "What you mark is filled from what is around it."],
  replace: ["Replace", "Say what should be there instead."],
  inpaint: ["Repaint", "Painted again. Without words, it follows the picture."],
};
const TOOLS = { brush: "Brush", eraser: "Eraser" };
const REGIONS = { top: "The upper third", middle: "The middle third", bottom: "The lower third", left: "The left half", right: "The right half" };
const AREAS = { top: [0, 0, 1, 1 / 3], middle: [0, 1 / 3, 1, 1 / 3], bottom: [0, 2 / 3, 1, 1 / 3], left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1] };

/** The form: `{element, over(image), clear()}`; `over` gives the sheet that lies on the picture. `send(operation)`. */
export function masking({ send, signal }) {
  const sheet = markSheet({ onChange: draw });
  const state = { op: "erase" };
  const size = h("input", { class: "slider", type: "range", id: "mask-size", min: 2, max: 30, value: sheet.brush.size });
  const region = choiceField("mask", "region", "Or mark a whole part", REGIONS, "", "None");
  const prompt = promptField("mask", "What should be there?");
  const hint = h("p", { class: "field-hint", "aria-live": "polite" }, ACTS.erase[1]);
  const back = h("button", { class: "button button-quiet", type: "button", on: { click: () => sheet.undo() } }, "Undo stroke");
  const wipe = h("button", { class: "button button-quiet", type: "button", on: { click: () => { clear(); announce("Nothing is marked."); } } }, "Clear");

  function draw() {
    form.querySelector(".notice-alarm").hidden = true;
  }

  function clear() {
    sheet.clear();
    region.input.value = "";
  }

  function fill() {
    const area = AREAS[region.read()];
    if (!area) return;
    sheet.fill(area);
    announce(`${REGIONS[region.read()]} is marked.`);
  }

  async function act() {
    if (!sheet.isMarked()) throw new Error("Mark a part of the picture first: draw on it, or choose a part from the list.");
    const words = prompt.read();
    if (state.op === "replace" && !words) {
      prompt.input.focus();
      throw new Error("Say what should be there.");
    }
    const file = new File([await sheet.mask()], "mask.png", { type: "image/png" });
    const upload = await call("POST", "/v1/uploads", formOf(file, { purpose: "mask" }), { signal });
    await send({ op: state.op, mask_upload_id: upload.upload_id, ...(words && state.op !== "erase" ? { prompt: words } : {}) });
  }

  function choose(op) {
    state.op = op;
    hint.textContent = ACTS[op][1];
    prompt.element.hidden = op === "erase";
  }

  const tools = options("mask-tool", "Tool", Object.entries(TOOLS), "brush", (tool) => { sheet.brush.rubbing = tool === "eraser"; });
  const acts = options("mask-op", "What happens there", Object.entries(ACTS).map(([op, [label]]) => [op, label]), state.op, choose);
  size.addEventListener("input", () => { sheet.brush.size = Number(size.value); sheet.follow(); });
  region.input.addEventListener("change", fill);
  prompt.element.hidden = true;
  const form = fieldForm({ fields: [], label: "Change it", busy: "Sending it off", act });
  form.prepend(h("p", { class: "soft" }, "Draw on the picture over what should change."),
    h("div", { class: "pair" }, tools, h("div", { class: "field" }, h("label", { class: "field-name", for: "mask-size" }, "Size of the brush"), size)),
    h("div", { class: "mask-acts" }, back, wipe), region.element, acts, hint, prompt.element);
  return { element: form, over: sheet.over, clear };
}

/** A row of radio buttons; `onChange(value)` tells of another choice. */
function options(name, label, choices, chosen, onChange) {
  return h("div", { class: "counts options", role: "radiogroup", "aria-label": label }, choices.map(([value, words]) =>
    h("label", { class: "count" }, h("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => onChange(value) } }), h("span", {}, words))));
}
