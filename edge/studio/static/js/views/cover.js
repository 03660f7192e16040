// One cover: the picture on the table, what can be done with it, and how it was made.

import { call, check } from "../api.js";
import { roles } from "../colour.js";
import { h, show, svg, toast } from "../dom.js";
import { draftFrom } from "../draft.js";
import { blankBook } from "../parts/book.js";
import { confirmed, failed } from "../parts/states.js";
import { picture } from "../pictures.js";
import { FORMATS, fileName, sayTime } from "../words.js";

/** The view of one cover. */
export function cover({ id, signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "A cover");
  const table = h("div", { class: "table" }, blankBook("ebook", "book-stage bone"));
  const panel = h("section", { class: "bench-work panel", "aria-label": "About this cover", "aria-busy": "true" }, heading,
    h("div", { class: "acts" }, h("div", { class: "bone", vars: { width: "11rem", height: "2.875rem" } })));
  const view = { element: h("div", { class: "bench bench-final" }, h("section", { class: "bench-stage", "aria-label": "The cover" }, table), panel), title: "A cover", heading };

  async function read() {
    try {
      const found = await call("GET", `/v1/covers/${id}`, null, { signal });
      if (found.status === "generating") return location.replace(`#/making/${found.task_id}`);
      document.title = `${found.title} · Covergen`;
      heading.textContent = found.title;
      panel.removeAttribute("aria-busy");
      show(panel, heading, found.subtitle && h("p", { class: "panel-sub" }, found.subtitle), found.author && h("p", { class: "by" }, `by ${found.author}`),
        found.status === "ready" ? acts(found) : undone(found), facts(found));
      if (found.status === "ready") await lay(found);
      else show(table, blankBook(found.format, "book-stage book-blank", h("span", { class: "soft small" }, "No picture")));
    } catch (failure) {
      if (signal.aborted) return;
      show(panel, failed(failure, read));
      show(table, blankBook("ebook"));
    }
  }

  /** The small picture first, since it is here at once; then the whole one. */
  async function lay(found) {
    const waiting = blankBook(found.format, "book-stage bone");
    waiting.style.setProperty("background", roles(found.recipe.style_params.palette).sorted[1]);
    show(table, waiting);
    let best = 0;
    const put = async (path, rank) => {
      const image = await picture(path, altOf(found));
      if (signal.aborted || rank < best) return;
      best = rank;
      show(table, blankBook(found.format, "book-stage", image));
    };
    put(found.thumbnail_url ?? `/v1/covers/${id}/image?size=thumb`, 1).catch(() => {});
    await put(found.image_url ?? `/v1/covers/${id}/image`, 2);
  }

  read();
  return view;
}

function altOf({ title, author, recipe }) {
  return `The cover of ${title}${author ? ` by ${author}` : ""}, in the style ${recipe.template_name}`;
}

function acts(found) {
  const save = h("button", { class: "button button-main", type: "button", on: { click: () => download(found, save) } }, "Download PNG");
  const another = h("button", { class: "button", type: "button", on: { click: () => { draftFrom(found); location.hash = "#/"; } } }, "Make another");
  return h("div", { class: "acts" }, save, another, h("button", { class: "button button-quiet", type: "button", on: { click: () => remove(found) } }, "Delete"));
}

function undone(found) {
  const what = found.status === "cancelled" ? "This cover was cancelled." : "This cover could not be made.";
  const again = () => { draftFrom(found); location.hash = "#/"; };
  return [h("p", { class: "notice" }, what), h("div", { class: "acts" },
    h("button", { class: "button button-main", type: "button", on: { click: again } }, "Try again"),
    h("button", { class: "button button-quiet", type: "button", on: { click: () => remove(found) } }, "Delete"))];
}

async function download(found, button) {
  button.disabled = true;
  try {
    const path = found.image_url ?? `/v1/covers/${found.cover_id}/image`;
    await check(path);
    h("a", { href: path, download: fileName(found.title) }).click();
  } catch (failure) {
    toast(failure.message);
  } finally {
    button.disabled = false;
  }
}

/** Deletes a cover after asking; resolves to whether it is gone. */
export async function remove(found, stay = false) {
  const sure = await confirmed({ question: `Delete “${found.title}”?`, explanation: "The cover and its picture are removed for good. Downloads that you have kept stay yours.", yes: "Delete" });
  if (!sure) return false;
  try {
    await call("DELETE", `/v1/covers/${found.cover_id}`);
  } catch (failure) {
    if (failure.status !== 404) {
      toast(failure.message);
      return false;
    }
  }
  toast("The cover is deleted.");
  if (!stay) location.hash = "#/covers";
  return true;
}

function facts(found) {
  const { recipe, layout } = found;
  const rows = [
    ["Style", [inks(recipe.style_params.palette), recipe.template_name]],
    ["Shape", `${FORMATS[found.format]?.name ?? found.format}, ${recipe.width} × ${recipe.height}`],
    layout && ["Contrast", contrastOf(layout)],
    layout && ["Type", [...new Set(layout.placed.map(({ font }) => font))].join(", ")],
    ["Seed", String(recipe.seed)],
    ["Painted by", `${recipe.model}, version ${recipe.model_version}`],
    ["Made", h("time", { datetime: found.created_at }, sayTime(found.created_at))],
  ];
  return h("dl", { class: "facts" }, rows.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function contrastOf({ placed }) {
  const parts = placed.flatMap(({ role, contrast }, at) => [at ? ", " : "", h("span", { class: "ratio" }, `${role} ${contrast.toFixed(1)} : 1`)]);
  return h("span", { title: "WCAG 2 contrast of each text against the pixels behind it, measured on the finished picture" }, parts);
}

function inks(palette) {
  if (!palette?.length) return null;
  return h("span", { class: "inks", "aria-hidden": "true" }, svg("svg", { width: palette.length * 14, height: 14 }, palette.map((fill, at) => svg("rect", { x: at * 14, width: 14, height: 14, fill }))));
}
