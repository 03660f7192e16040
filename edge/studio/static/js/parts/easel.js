// The large picture of a cover on the table, alone or beside another version of it.

import { roles } from "../colour.js";
import { h, show } from "../dom.js";
import { picture } from "../pictures.js";
import { formatOf, pictureOf, wordsOf } from "../versions.js";
import { blankBook, shapeTo } from "./book.js";

/** The easel: `{element, lay(found, version, rival)}`; the rival is null when one picture is looked at. */
export function easel(signal) {
  const element = h("div", { class: "easel" }, blankBook("ebook", "book-stage bone"));
  let turn = 0;
  let before = "";

  function lay(found, version, rival) {
    const key = [version.version, rival?.version].join();
    if (key === before) return;
    before = key;
    const mine = (turn += 1);
    element.classList.toggle("is-pair", Boolean(rival));
    show(element, [rival, version].filter(Boolean).sort((one, other) => one.version - other.version).map((each, at, all) => frame(found, each, all.length > 1, () => mine === turn && !signal.aborted)));
  }

  /** A picture with its number below when there are two. */
  function frame(found, version, labelled, current) {
    const waiting = blankBook(formatOf(found, version), labelled ? "bone" : "book-stage bone");
    const palette = version.recipe?.style_params.palette ?? found.recipe.style_params.palette;
    waiting.style.setProperty("background", roles(palette).sorted[1]);
    fill(found, version, waiting, current);
    if (!labelled) return waiting;
    const chosen = version.version === found.shown_version;
    return h("figure", { class: "frame" }, waiting, h("figcaption", {}, `Version ${version.version}`, chosen && h("span", { class: "soft" }, "chosen")));
  }

  /** The small picture first, since it is here at once; then the whole one. */
  async function fill(found, version, book, current) {
    let best = 0;
    const put = async (size, rank) => {
      const image = await picture(pictureOf(found, version, size), altOf(found, version));
      if (!current() || rank < best) return;
      best = rank;
      book.classList.remove("bone");
      show(shapeTo(book, image), image);
    };
    put("thumb", 1).catch(() => {});
    await put("full", 2).catch((failure) => {
      if (current() && best === 0) show(book, h("span", { class: "work-state is-bad" }, failure.message ?? "No picture"));
    });
  }

  return { element, lay };
}

function altOf(found, version) {
  const { title, author } = wordsOf(found, version);
  return `The cover of ${title}${author ? ` by ${author}` : ""}, in the style ${version.recipe?.template_name ?? found.recipe.template_name}`;
}
