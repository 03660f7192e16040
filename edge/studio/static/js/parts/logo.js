// The logo of a brand kit: brought, shown, taken away.

import { call } from "../api.js";
import { announce, h, show } from "../dom.js";
import { loadInView } from "../pictures.js";
import { dropPlace, formOf } from "./drop.js";

const MOST = 20 * 1024 * 1024;

/** The field: `{element, say}`; `onChange(uploadId)` tells of another logo, or null. */
export function logoField({ id, signal, onChange }) {
  const element = h("div", { class: "logo-field" });
  const error = h("p", { class: "field-error", role: "alert" });
  const place = dropPlace({ label: "Choose a logo, or drop one here", hint: "PNG with a transparent ground looks best; at most 20 MB.", accept: "image/png,image/jpeg,image/webp", onFile: take });
  let asking = null;

  async function take(file) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    show(error);
    place.busy(true);
    try {
      if (file.size > MOST) throw new Error("The file is too large: at most 20 MB.");
      const upload = await call("POST", "/v1/uploads", formOf(file, { purpose: "logo" }), { signal: AbortSignal.any([signal, mine.signal]) });
      set(upload.upload_id);
      announce("The logo is here.");
    } catch (failure) {
      if (signal.aborted || mine.signal.aborted) return;
      show(error, failure.fields?.file ? `The file ${failure.fields.file.detail}.` : failure.message);
    } finally {
      if (asking === mine) place.busy(false);
    }
  }

  function set(next) {
    id = next;
    onChange(id);
    draw();
  }

  function draw() {
    if (!id) return show(element, place.element, error);
    const away = h("button", { class: "button button-quiet", type: "button", on: { click: () => { set(null); place.input.focus(); } } }, "Take it away");
    show(element, h("div", { class: "logo-shown" }, h("span", { class: "logo-ground" }, logoImage(id)), away), error);
  }

  draw();
  return { element, say: (sentence) => show(error, sentence) };
}

/** The picture of a logo; an upload that is no longer kept leaves its name. */
export function logoImage(id) {
  const image = h("img", { class: "logo-image", alt: "Your logo" });
  const box = h("span", { class: "logo-box" }, image);
  loadInView(image, `/v1/uploads/${id}/image`, () => show(box, h("span", { class: "small soft" }, "Kept with the kit")), box);
  return box;
}
