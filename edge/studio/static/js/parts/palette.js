// The colours of a cover: the style's own, or up to eight that somebody chose.

import { announce, h, icon, show, svg } from "../dom.js";

const MOST = 8;
const FIRST = ["#14213d", "#3d5a80", "#ee6c4d", "#fde8cf"];
const CROSS = "M7 7l10 10M17 7 7 17";
const PLUS = "M12 5v14M5 12h14";

/** Small squares of colours; decoration beside words that tell the same. */
export function inks(palette) {
  if (!palette?.length) return null;
  return h("span", { class: "inks", "aria-hidden": "true" },
    svg("svg", { width: palette.length * 14, height: 14 }, palette.map((fill, at) => svg("rect", { x: at * 14, width: 14, height: 14, fill }))));
}

/**
 * The field: `{element, refresh(own)}`. `own` is the palette of the style (empty: not known yet), `colours` what is
 * chosen instead (empty: nothing); `onChange(colours)` tells of another choice.
 */
export function paletteField({ own, colours, onChange, locked = false }) {
  const element = h("div", { class: "palette" });
  let chosen = [...colours];

  function tell() {
    onChange(chosen);
  }

  function set(next, focus) {
    chosen = next;
    tell();
    draw();
    element.querySelector(focus)?.focus();
  }

  function draw() {
    if (chosen.length) show(element, h("div", { class: "swatches", role: "group", "aria-label": "Colours" }, chosen.map(swatch), chosen.length < MOST && more()), !locked && back());
    else show(element, plain());
  }

  function plain() {
    return h("div", { class: "palette-own" }, inks(own), h("span", {}, own.length ? "The style’s own" : "As the style has them"),
      h("button", { class: "button button-quiet palette-begin", type: "button", on: { click: () => set((own.length ? own : FIRST).slice(0, MOST), ".swatch input") } }, "Choose my own"));
  }

  function swatch(colour, at) {
    const input = h("input", { type: "color", value: colour, "aria-label": `Colour ${at + 1}` });
    input.addEventListener("input", () => { chosen[at] = input.value; tell(); });
    const away = h("button", { class: "swatch-away", type: "button", "aria-label": `Take colour ${at + 1} away`, on: { click: () => remove(at) } }, icon(CROSS, 16));
    return h("span", { class: "swatch" }, input, (chosen.length > 1 || !locked) && away);
  }

  function remove(at) {
    announce(`Colour ${at + 1} is taken away.`);
    set(chosen.filter((_, place) => place !== at), chosen.length > 1 ? `.swatch:nth-child(${Math.max(1, at)}) input` : ".palette-begin");
  }

  function more() {
    const add = () => set([...chosen, chosen.at(-1)], `.swatch:nth-child(${chosen.length + 1}) input`);
    return h("button", { class: "swatch-more", type: "button", "aria-label": "Add a colour", on: { click: add } }, icon(PLUS, 20));
  }

  function back() {
    return h("button", { class: "button button-quiet", type: "button", on: { click: () => set([], ".palette-begin") } }, "Back to the style’s own");
  }

  draw();
  return { element, refresh(next) { own = next; if (!chosen.length) draw(); } };
}
