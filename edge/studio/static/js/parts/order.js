// The parts of an order beyond its words and style: format, number of pictures, what is rarely asked for.

import { call } from "../api.js";
import { h, show, svg } from "../dom.js";
import { shapeSize } from "./book.js";
import { FORMATS } from "../words.js";

const BIGGEST_SEED = 2 ** 53 - 1;
const MOST = 4;

/** A radio group of formats; `many` makes it check boxes. `onChange(format, on)` tells of each press. */
export function shapes({ name, chosen, onChange, many = false, formats = Object.keys(FORMATS) }) {
  const picked = new Set(many ? chosen : [chosen]);
  return h("div", { class: "shapes" }, formats.map((format) => {
    const input = h("input", { type: many ? "checkbox" : "radio", name, value: format, checked: picked.has(format) });
    input.addEventListener("change", () => onChange(format, input.checked));
    return h("label", { class: "shape" }, input, h("span", { class: "shape-body" }, outline(format), h("span", {}, FORMATS[format].name, h("small", {}, FORMATS[format].note))));
  }));
}

function outline(format) {
  const [w, tall] = shapeSize(format).map((part) => part * 1.9);
  return h("span", { class: "shape-icon" }, svg("svg", { viewBox: "0 0 36 36", width: 36, height: 36, "aria-hidden": "true" },
    svg("rect", { x: (36 - w) / 2, y: (36 - tall) / 2, width: w, height: tall })));
}

/** A radio group of one to four pictures. */
export function counts({ name, chosen, onChange }) {
  return h("div", { class: "counts", role: "radiogroup", "aria-label": "How many pictures" }, Array.from({ length: MOST }, (_, at) => at + 1).map((count) =>
    h("label", { class: "count" }, h("input", { type: "radio", name, value: count, checked: count === chosen, on: { change: () => onChange(count) } }), h("span", {}, count))));
}

/** "One picture" to "four pictures", as an order says it. */
export const sayPictures = (count) => `${["", "One picture", "Two pictures", "Three pictures", "Four pictures"][count] ?? `${count} pictures`}`;

/** The number from which the art comes: `{element, input, label, say}`; empty for one that the studio chooses. */
export function seedField(draft, changed) {
  const input = h("input", { class: "input", id: "order-seed", inputmode: "numeric", autocomplete: "off", maxlength: 16, value: draft.seed, placeholder: "chosen for you", "aria-describedby": "order-seed-hint order-seed-error" });
  const error = h("span", { class: "field-error", id: "order-seed-error", role: "alert" });
  const say = (sentence) => { show(error, sentence); input.setAttribute("aria-invalid", String(Boolean(sentence))); };
  input.addEventListener("input", () => { draft.seed = input.value.trim(); say(""); changed(); });
  const element = h("div", { class: "field field-short" }, h("label", { class: "field-name", for: "order-seed" }, "Seed", h("span", { class: "soft" }, "optional")), input, error,
    h("span", { class: "field-hint", id: "order-seed-hint" }, "The same order with the same seed is painted the same again."));
  return { label: "Seed", element, input, say };
}

/** The seed as a number, null when none is given, or undefined when it is none. */
export function seedOf(text) {
  if (!text) return null;
  const seed = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return seed <= BIGGEST_SEED ? seed : undefined;
}

/** The switch for the own brand kit; nothing while there is none, or none can be had. */
export function brandSwitch(draft, changed, signal) {
  const place = h("div", { class: "bench-part brand-line", hidden: true });
  call("GET", "/v1/me/brand-kit", null, { signal }).then((kit) => {
    if (!isFilled(kit)) return;
    const box = h("input", { type: "checkbox", checked: draft.brand });
    box.addEventListener("change", () => { draft.brand = box.checked; changed(); });
    show(place, h("label", { class: "check" }, box, h("span", {}, "Use my brand kit: its type, colours, name and logo")), h("a", { class: "small", href: "#/brand" }, "Change the kit"));
    place.hidden = false;
  }, () => { draft.brand = false; });
  return place;
}

/** Whether a brand kit says anything. */
export const isFilled = (kit) => Boolean(kit?.updated_at && (kit.typography || kit.palette.length || kit.author || kit.author_style || kit.logo_upload_id));
