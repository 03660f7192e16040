// A place to drop a file on, or to press to choose one.

import { h, icon } from "../dom.js";

const ARROW = "M12 16V5M7.5 9.5 12 5l4.5 4.5M5 19h14";

/** The place: `{element, input, busy(on)}`. `onFile(file)` is told each file; more than one at once counts as the first. */
export function dropPlace({ label, hint, accept, onFile, waiting = "Reading the file" }) {
  const input = h("input", { type: "file", accept, class: "drop-input" });
  const name = h("span", { class: "drop-name" }, label);
  const element = h("label", { class: "drop" }, input, icon(ARROW, 26), name, h("span", { class: "small soft" }, hint));

  function take(files) {
    if (files?.length) onFile(files[0]);
  }

  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  for (const type of ["dragenter", "dragover"]) element.addEventListener(type, (event) => { event.preventDefault(); element.classList.add("is-over"); });
  for (const type of ["dragleave", "drop"]) element.addEventListener(type, () => element.classList.remove("is-over"));
  element.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files); });
  const busy = (on) => { element.classList.toggle("is-busy", on); name.textContent = on ? waiting : label; };
  return { element, input, busy };
}

/** A file as a form, as the API takes it; `fields` come before it. */
export function formOf(file, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  return form;
}

/** Draws a picture file into a canvas of at most `longest` pixels a side; null for what is no picture. */
export async function drawn(file, longest = 640) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return null;
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return canvas;
}
