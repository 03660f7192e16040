// The logo of a brand kit: brought, shown, taken away.

import { h, show } from "../dom.js";
import { loadInView } from "../pictures.js";
import { bringing } from "./bringing.js";

/** The field: `{element, say}`; `onChange(uploadId)` tells of another logo, or null. */
export function logoField({ id, signal, onChange }) {
  const element = h("div", { class: "logo-field" });
  const place = bringing({ label: "Choose a logo, or drop one here", hint: "A PNG without background looks best.", purpose: "logo", signal, onUpload: ({ upload_id }) => set(upload_id) });
  const error = h("p", { class: "field-error", role: "alert" });

  function set(next) {
    id = next;
    show(error);
    onChange(id);
    draw();
  }

  function draw() {
    if (!id) return show(element, place.element);
    const away = h("button", { class: "button button-quiet", type: "button", on: { click: () => { set(null); place.input.focus(); } } }, "Remove");
    show(element, h("div", { class: "logo-shown" }, h("span", { class: "logo-ground" }, logoImage(id)), away), error);
  }

  draw();
  return { element, say: (sentence) => (id ? show(error, sentence) : place.say(sentence)) };
}

/** The picture of a logo; an upload that is no longer kept leaves its name. */
export function logoImage(id) {
  const image = h("img", { class: "logo-image", alt: "Your logo" });
  const box = h("span", { class: "logo-box" }, image);
  loadInView(image, `/v1/uploads/${id}/image`, () => show(box, h("span", { class: "small soft" }, "Kept with the kit")), box);
  return box;
}
