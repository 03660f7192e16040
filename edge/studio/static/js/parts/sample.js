// A cover in the manner of a brand kit, drawn with the studio's own two fonts: about how it will look, not just how.

import { contrast, roles } from "../colour.js";
import { h } from "../dom.js";
import { sketch } from "../sketch.js";

const CAPITALS = new Set(["fantasy", "history", "thriller", "crime", "science-fiction", "podcast", "video", "deco"]);
const PLAIN = new Set(["thriller", "crime", "science-fiction", "technical", "modern", "nonfiction", "podcast", "video", "playful", "children", "deco"]);
const WIDE = new Set(["fantasy", "history", "science-fiction", "deco"]);
const COLOURS = ["#14213d", "#3d5a80", "#98a9c9", "#ee6c4d", "#fde8cf"];

/** The sample of a kit; `logo` is an element, or null. */
export function brandSample(kit, logo) {
  const palette = kit.palette.length ? kit.palette : COLOURS;
  const { art, type, foot } = sketch({ family: "landscape", palette: kit.palette.length > 1 ? palette : COLOURS, seed: "brand" });
  const { light, dark } = roles(palette);
  const ink = [light, dark, type].find((colour) => contrast(colour, foot) < 2) ?? foot; // of the palette, where it goes the same way
  const classes = ["type", "sample", PLAIN.has(kit.typography) && "is-plain", CAPITALS.has(kit.typography) && "is-capitals", WIDE.has(kit.typography) && "is-wide"];
  const { case: letters, tracking, weight } = kit.author_style ?? {};
  const author = h("div", { class: `type-author sample-author is-${letters ?? "none"} ${weight === "bold" ? "is-bold" : ""}`, vars: { "--spacing": `${tracking ?? (letters === "as_typed" ? 0.02 : 0.12)}em` } }, kit.author || "Author");
  const top = kit.logo_position === "top";
  return h("div", { class: "book book-ebook book-stage", role: "img", "aria-label": "About how a cover with this kit looks" }, art,
    h("div", { class: classes.filter(Boolean).join(" "), vars: { "--type": type, "--foot": ink, "--size": "15cqw" } },
      top && logo, h("div", { class: "type-title" }, "Your Next Title"), author, !top && logo));
}
