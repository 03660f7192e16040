// How a version was made, what was measured on it, and what its file says of its origin.

import { call } from "../api.js";
import { h, show } from "../dom.js";
import { sayContrast, sayReproduced, sayThumbnail } from "../says.js";
import { formatOf } from "../versions.js";
import { FORMATS, PAIRINGS, sayTime } from "../words.js";
import { credentials } from "./credentials.js";
import { inks } from "./palette.js";
import { failed } from "./states.js";

/** The fold with the recipe and the measures of a version: `{element, draw(found, version)}`. */
export function details() {
  const body = h("div", {});
  const element = h("details", { class: "act-fold" }, summary("How it was made", "Prompt, fonts, how well it reads"), body);
  return { element, draw: (found, version) => show(body, facts(found, version)) };
}

/** The line of a fold: its name, and what is behind it. */
export const summary = (name, about) => h("summary", {}, h("span", { class: "act-name" }, name), h("span", { class: "act-about" }, about));

function facts(found, version) {
  const { recipe, layout } = version;
  const rows = recipe ? [...ofArt(found, version, recipe), ...ofType(recipe, layout)] : [["Made", "By hand, in the editor"]];
  const same = sayReproduced(version);
  if (same) rows.push(["Made again", same]);
  rows.push(["Date", h("time", { datetime: version.created_at }, sayTime(version.created_at))]);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function ofArt(found, version, recipe) {
  const { painting, style_params: style } = recipe;
  return [
    ["Prompt", recipe.prompt],
    ["Style", [inks(style.palette), recipe.template_name]],
    ["Shape", `${FORMATS[formatOf(found, version)]?.name ?? recipe.format}, ${recipe.width} × ${recipe.height} pixels`],
    ["Painted by", `${recipe.model}, version ${recipe.model_version}`],
    ["Seed", painting?.seed === null ? "None: this model has no seeds" : String(painting?.seed ?? recipe.seed)],
    painting && ["Again", painting.reproducible ? "The same recipe gives the same picture" : "The same recipe gives another picture"],
  ].filter(Boolean);
}

function ofType(recipe, layout) {
  const rows = [["Type", PAIRINGS[recipe.style_params.typography] ?? recipe.style_params.typography]];
  const faces = layout ? [...new Set(layout.placed.flatMap(({ font, faces }) => [font, ...Object.keys(faces ?? {})]))] : Object.keys(recipe.fonts);
  if (faces.length) rows.push(["Fonts", faces.join(", ")]);
  if (recipe.brand) rows.push(["Brand kit", sayBrand(recipe.brand)]);
  const names = { title: "Title", subtitle: "Subtitle", author: "Author" };
  for (const { role, contrast } of layout?.placed ?? []) rows.push([names[role] ?? role, sayContrast(contrast)]);
  if (layout?.thumbnail) rows.push(["In a list", sayThumbnail(layout.thumbnail)]);
  return rows;
}

/** What a recipe took from the brand kit. */
function sayBrand({ typography, palette, author_style, logo }) {
  const taken = [typography && "its type", palette.length > 0 && "its colours", author_style && "how the name is set", logo && "its logo"].filter(Boolean);
  return taken.length ? `As it was then: ${taken.join(", ")}` : "The name";
}

/** The fold with the content credentials, read when it is opened: `{element, draw(found, version)}`. */
export function origin(signal) {
  const body = h("div", {});
  const element = h("details", { class: "act-fold" }, summary("Content credentials", "What the file says of its origin"), body);
  let path = null;
  let read = null;

  async function open() {
    if (read === path) return;
    const mine = path;
    read = mine;
    show(body, h("p", { class: "soft" }, "Reading the file."));
    try {
      const answer = await call("GET", mine, null, { signal });
      if (read === mine) show(body, credentials(answer), h("p", { class: "small" }, h("a", { href: "/check" }, "Check another file")));
    } catch (failure) {
      if (read !== mine) return;
      read = null;
      if (!signal.aborted) show(body, failed(failure, open));
    }
  }

  element.addEventListener("toggle", () => element.open && open());
  return {
    element,
    draw(found, { version }) {
      path = `/v1/covers/${found.cover_id}/provenance?version=${version}`;
      if (element.open) open();
    },
  };
}
