// A cover lying on the table: as a sketch of what was typed, half painted, or as the real picture.

import { h } from "../dom.js";
import { FORMATS } from "../words.js";
import { luminance, roles } from "../colour.js";
import { sketch } from "../sketch.js";

/** A sketched cover: the style's drawing with the words on it, in `palette` if one is given. `style` null: none chosen. */
export function sketchedBook({ title, subtitle, author, format, style, palette = [], wet = false, stage = true }) {
  const [width, height] = FORMATS[format].ratio.map((side) => (side * 100) / Math.min(...FORMATS[format].ratio));
  const params = style && { ...style.style_params, ...(palette.length ? { palette } : {}) };
  const drawn = params ? sketch({ family: params.family, palette: params.palette, seed: style.id, width, height }) : null;
  const classes = ["book", `book-${format}`, stage && "book-stage", wet && "book-wet"].filter(Boolean).join(" ");
  return h("div", { class: classes, role: "img", "aria-label": `A sketch of the cover of ${title || "an untitled work"}` },
    wet && ghostOf(drawn), drawn?.art,
    h("div", { class: title ? "type" : "type is-empty", vars: { ...inksOf(drawn, params?.palette), "--size": `${titleSize(title || "Untitled")}cqw` } },
      h("div", { class: "type-title", dir: "auto" }, title || "Untitled"),
      subtitle && h("div", { class: "type-subtitle", dir: "auto" }, subtitle),
      author && h("div", { class: "type-author", dir: "auto" }, author)),
    wet && h("div", { class: "brush" }));
}

/** The faint underdrawing that the paint goes over. */
function ghostOf(drawn) {
  const ghost = drawn?.art.cloneNode(true);
  ghost?.classList.add("ghost");
  return ghost;
}

/** The colours of the type, each with a faint halo of its opposite and the author on a veil, for samples whose art is busy. */
function inksOf(drawn, palette) {
  if (!drawn) return {};
  const { dark, light } = roles(palette);
  const halo = (ink) => (luminance(ink) > 0.4 ? "rgb(0 0 0 / .4)" : "rgb(255 255 255 / .45)");
  return { "--type": drawn.type, "--halo": halo(drawn.type), "--foot": drawn.foot, "--foot-halo": halo(drawn.foot), "--foot-veil": luminance(drawn.foot) > 0.4 ? `${dark}70` : `${light}d0` };
}

/** An empty sheet of a format, for covers whose words are not known or not here yet. */
export function blankBook(format, more = "", ...children) {
  return h("div", { class: `book book-${format} ${more}` }, children);
}

/** Gives a sheet the proportions of its picture, which an edit may have changed. */
export function shapeTo(sheet, { naturalWidth, naturalHeight }) {
  if (naturalWidth && naturalHeight) sheet.style.setProperty("--shape", (naturalWidth / naturalHeight).toFixed(4));
  return sheet;
}

/** Shows a wet cover as far as it has come: `painted` is the share of the art (0 to 1), `set` whether the type is on it. */
export function paintTo(book, painted, set) {
  book.style.setProperty("--done", `${Math.round(Math.max(0, Math.min(1, painted)) * 100)}%`);
  book.classList.toggle("is-painted", painted >= 1);
  book.classList.toggle("is-set", set);
}

/** A small outline of a format for the form. */
export const shapeSize = (format) => FORMATS[format].ratio;

/** Title size in hundredths of the cover's width: the longest word must fit, long titles are set smaller. */
function titleSize(title) {
  const longest = Math.max(...title.split(/\s+/).map((word) => word.length), 1);
  const byWord = 150 / longest;
  const byLength = title.length < 14 ? 17 : title.length < 28 ? 14.5 : title.length < 50 ? 11.5 : title.length < 90 ? 8.8 : 6.8;
  return Math.max(5, Math.min(byWord, byLength)).toFixed(1); // below that a word is broken instead
}
