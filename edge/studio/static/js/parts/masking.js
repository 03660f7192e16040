// Changing a part of a picture: it is marked with a brush, or as a whole third or half, and the mark goes as a mask.

import { call } from "../api.js";
import { announce, h } from "../dom.js";
import { formOf } from "./drop.js";
import { choiceField, fieldForm } from "./fields.js";
import { promptField } from "./prompt.js";

const LONGEST = 1024;
const ACTS = {
  erase: ["Take away", "What is marked is filled from what is around it."],
  replace: ["Put something there", "Say what is to be seen in its place."],
  inpaint: ["Paint anew", "Painted again; without words, what the art shows."],
};
const REGIONS = { top: "The upper third", middle: "The middle third", bottom: "The lower third", left: "The left half", right: "The right half" };
const AREAS = { top: [0, 0, 1, 1 / 3], middle: [0, 1 / 3, 1, 1 / 3], bottom: [0, 2 / 3, 1, 1 / 3], left: [0, 0, 0.5, 1], right: [0.5, 0, 0.5, 1] };

/** The form: `{element, over(image), clear()}`; `over` gives the sheet that lies on the picture. `send(operation)`. */
export function masking({ send, signal }) {
  const canvas = h("canvas", { class: "mask", role: "img", "aria-label": "What is marked. Mark with a pointer here, or choose a part from the list." });
  const pen = canvas.getContext("2d");
  const state = { op: "erase", rubbing: false, marked: false };
  const size = h("input", { class: "slider", type: "range", id: "mask-size", min: 2, max: 30, value: 9 });
  const region = choiceField("mask", "region", "Or mark a whole part", REGIONS, "", "None");
  const prompt = promptField("mask", "What is to be seen there?");
  const hint = h("p", { class: "field-hint", "aria-live": "polite" }, ACTS.erase[1]);

  function over(image) {
    const scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    state.marked = false;
    return canvas;
  }

  function clear() {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    state.marked = false;
    region.input.value = "";
  }

  function fill() {
    const area = AREAS[region.read()];
    if (!area) return;
    style();
    pen.globalCompositeOperation = "source-over";
    pen.fillRect(area[0] * canvas.width, area[1] * canvas.height, area[2] * canvas.width, area[3] * canvas.height);
    state.marked = true;
    announce(`${REGIONS[region.read()]} is marked.`);
  }

  function style() {
    pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).color;
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = (Number(size.value) / 100) * canvas.width;
    pen.globalCompositeOperation = state.rubbing ? "destination-out" : "source-over";
  }

  const spot = ({ offsetX, offsetY }) => [(offsetX / canvas.clientWidth) * canvas.width, (offsetY / canvas.clientHeight) * canvas.height];

  function draw(event) {
    if (event.type === "pointerdown") {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      style();
      pen.beginPath();
      pen.moveTo(...spot(event));
    } else if (!canvas.hasPointerCapture(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? []) pen.lineTo(...spot(each));
    pen.lineTo(...spot(event));
    pen.stroke();
    state.marked = true;
  }

  /** White where it is marked, black elsewhere. */
  function mask() {
    const sheet = h("canvas", { width: canvas.width, height: canvas.height });
    const paper = sheet.getContext("2d");
    paper.drawImage(canvas, 0, 0);
    paper.globalCompositeOperation = "source-in";
    paper.fillStyle = "#ffffff";
    paper.fillRect(0, 0, sheet.width, sheet.height);
    paper.globalCompositeOperation = "destination-over";
    paper.fillStyle = "#000000";
    paper.fillRect(0, 0, sheet.width, sheet.height);
    return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
  }

  async function act() {
    if (!state.marked) throw new Error("Mark a part of the picture first.");
    const words = prompt.read();
    if (state.op === "replace" && !words) throw new Error("Say what is to be seen there.");
    const file = new File([await mask()], "mask.png", { type: "image/png" });
    const upload = await call("POST", "/v1/uploads", formOf(file, { purpose: "mask" }), { signal });
    await send({ op: state.op, mask_upload_id: upload.upload_id, ...(words && state.op !== "erase" ? { prompt: words } : {}) });
  }

  function acts() {
    const choose = (op) => () => {
      state.op = op;
      hint.textContent = ACTS[op][1];
      prompt.element.hidden = op === "erase";
    };
    return h("div", { class: "counts options", role: "radiogroup", "aria-label": "What happens there" }, Object.entries(ACTS).map(([op, [label]]) =>
      h("label", { class: "count" }, h("input", { type: "radio", name: "mask-op", value: op, checked: op === state.op, on: { change: choose(op) } }), h("span", {}, label))));
  }

  const rub = h("button", { class: "button", type: "button", "aria-pressed": "false", on: { click: () => { state.rubbing = !state.rubbing; rub.setAttribute("aria-pressed", String(state.rubbing)); rub.textContent = state.rubbing ? "Mark again" : "Rub out"; } } }, "Rub out");
  const wipe = h("button", { class: "button button-quiet", type: "button", on: { click: () => { clear(); announce("Nothing is marked."); } } }, "Clear");
  for (const type of ["pointerdown", "pointermove"]) canvas.addEventListener(type, draw);
  region.input.addEventListener("change", fill);
  prompt.element.hidden = true;
  const form = fieldForm({ fields: [], label: "Change it", busy: "Sending it off", act });
  form.prepend(h("p", { class: "soft" }, "Draw on the picture over what is to change."), h("div", { class: "pair" }, h("div", { class: "field" }, h("label", { class: "field-name", for: "mask-size" }, "Brush"), size), region.element),
    h("div", { class: "mask-acts" }, rub, wipe), acts(), hint, prompt.element);
  return { element: form, over, clear };
}
