// All covers that were made, newest first.

import { list } from "../api.js";
import { roles } from "../colour.js";
import { announce, h, show } from "../dom.js";
import { clearDraft } from "../draft.js";
import { remove } from "../parts/acts.js";
import { blankBook, shapeTo } from "../parts/book.js";
import { failed } from "../parts/states.js";
import { loadInView } from "../pictures.js";
import { sayAgo } from "../words.js";

const PAGE = 24;
const EVERY = 3000;
const STATES = { generating: "Being made", failed: "Could not be made", cancelled: "Cancelled" };

/** The view of all covers. */
export function covers({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Your covers");
  const body = h("div", { "aria-live": "off" });
  const works = h("ul", { class: "works" });
  const foot = h("div", { class: "more" });

  async function read(cursor = null) {
    if (cursor === null) show(body, h("div", { class: "works", "aria-hidden": "true" }, Array.from({ length: 8 }, () => blankBook("ebook", "book-still bone"))));
    show(foot);
    try {
      const page = await list("/v1/covers", { limit: PAGE, cursor }, signal);
      if (cursor === null) show(body, page.items.length ? works : nothing());
      const items = page.items.map((cover) => work(cover, gone));
      works.append(...items);
      if (cursor !== null) items[0]?.querySelector("a").focus(); // the button that was pressed is gone
      if (page.next_cursor) show(foot, h("button", { class: "button", type: "button", on: { click: () => read(page.next_cursor) } }, "Earlier covers"));
    } catch (failure) {
      if (signal.aborted) return;
      if (cursor === null) show(body);
      show(foot, failed(failure, () => read(cursor)));
    }
  }

  /** Covers in the making are looked at again, and drawn anew when one of them has ended. */
  async function follow() {
    const waiting = [...works.querySelectorAll("[data-task]")];
    if (document.hidden || !waiting.length) return;
    const page = await list("/v1/covers", { limit: PAGE }, signal).catch(() => null);
    for (const item of waiting) {
      const cover = page?.items.find(({ cover_id }) => cover_id === item.dataset.task);
      if (!cover || cover.status === "generating" || !item.isConnected) continue;
      const focused = item.contains(document.activeElement);
      const next = work(cover, gone);
      item.replaceWith(next);
      if (focused) next.querySelector("a").focus();
      announce(`${cover.title}: ${(STATES[cover.status] ?? "Ready").toLowerCase()}`);
    }
  }

  function gone(item) {
    (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("a").focus();
    item.remove();
    if (!works.children.length) read();
  }

  const timer = setInterval(follow, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  read();
  return { element: h("div", { class: "hall" }, h("div", { class: "hall-head" }, heading, h("a", { class: "button", href: "#/", on: { click: clearDraft } }, "New cover")), body, foot), title: "Your covers", heading };
}

function nothing() {
  return h("div", { class: "first" }, blankBook("ebook", "book-still"),
    h("div", { class: "void" }, h("h2", { class: "part-title" }, "Nothing on the shelf yet"), h("p", {}, "The first cover takes a title and a style. You can change both as often as you like before it is made."),
      h("a", { class: "button button-main", href: "#/" }, "Make the first cover")));
}

function work(cover, gone) {
  const sheet = blankBook(cover.format, "book-still");
  const place = cover.status === "generating" ? `#/making/${cover.task_id}` : `#/covers/${cover.cover_id}`;
  const item = h("li", { class: ["thumbnail", "wide"].includes(cover.format) ? "work work-wide" : "work", "data-task": cover.status === "generating" ? cover.cover_id : null },
    h("a", { class: "work-link", href: place }, sheet, h("span", { class: "work-name", dir: "auto" }, cover.title)),
    h("div", { class: "work-foot" }, h("span", {}, STATES[cover.status] ?? sayAgo(cover.created_at)),
      cover.status !== "generating" && h("button", { class: "button button-quiet", type: "button", "aria-label": `Delete ${cover.title}`, on: { click: async () => { if (await remove(cover, true)) gone(item); } } }, "Delete")));
  if (cover.status === "ready") hang(sheet, cover);
  else sheet.append(h("span", { class: cover.status === "failed" ? "work-state is-bad" : "work-state" }, STATES[cover.status]));
  return item;
}

function hang(sheet, cover) {
  const image = h("img", { alt: "", decoding: "async", hidden: true });
  const tint = roles(cover.recipe.style_params.palette).sorted[1];
  sheet.style.setProperty("background", tint);
  sheet.classList.add("bone");
  image.addEventListener("load", () => { image.hidden = false; shapeTo(sheet, image).classList.remove("bone"); });
  sheet.append(image);
  loadInView(image, cover.thumbnail_url ?? `/v1/covers/${cover.cover_id}/image?size=thumb`, () => { sheet.classList.remove("bone"); sheet.append(h("span", { class: "work-state" }, "No picture")); }, sheet);
}
