// Pictures that are edited: one's own, brought here, and edits that were begun before.

import { begin, call, list, newKey } from "../api.js";
import { h, show, toast } from "../dom.js";
import { blankBook, shapeTo } from "../parts/book.js";
import { bringing } from "../parts/bringing.js";
import { confirmed, failed } from "../parts/states.js";
import { loadInView } from "../pictures.js";
import { sayAgo } from "../words.js";

const PAGE = 12;

/** The view of all edits. */
export function edits({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Edit a picture");
  const works = h("ul", { class: "works" });
  const foot = h("div", { class: "more" });
  const before = h("section", { class: "edits-before", "aria-label": "Edits so far", hidden: true }, h("h2", { class: "part-title" }, "Edits so far"), works);
  const titles = new Map();
  const place = bringing({ label: "Choose a picture, or drop one here", hint: "PNG, JPEG or WebP.", purpose: "image", signal, onUpload: open });

  async function open({ upload_id }) {
    const session = await begin("/v1/edits", { upload_id }, newKey(), signal);
    location.hash = `#/edits/${session.edit_id}`;
  }

  async function read(cursor = null) {
    show(foot);
    try {
      const page = await list("/v1/edits", { limit: PAGE, cursor }, signal);
      const items = page.items.filter(worth).map(work);
      works.append(...items);
      if (cursor !== null) items[0]?.querySelector("a").focus(); // the button that was pressed is gone
      before.hidden = !works.children.length;
      if (page.next_cursor) show(foot, h("button", { class: "button", type: "button", on: { click: () => read(page.next_cursor) } }, "Earlier edits"));
    } catch (failure) {
      if (!signal.aborted) show(foot, failed(failure, () => read(cursor)));
    }
  }

  function work(session) {
    const { edit_id, cover_id, edit_history: history, current_version: version } = session;
    const name = h("span", { class: "work-name", dir: "auto" }, cover_id ? "A cover" : "Your picture");
    const item = h("li", { class: "work" }, h("a", { class: "work-link", href: `#/edits/${edit_id}` }, sheetOf(edit_id, version), name),
      h("div", { class: "work-foot" }, h("span", {}, `${changes(history.length)}, ${sayAgo(history.at(-1)?.created_at ?? session.created_at)}`),
        h("button", { class: "button button-quiet", type: "button", on: { click: () => remove(session, item) } }, "Delete")));
    if (cover_id) titleOf(cover_id).then((title) => { name.textContent = title; }, () => {});
    return item;
  }

  function titleOf(id) {
    if (!titles.has(id)) titles.set(id, call("GET", `/v1/covers/${id}`, null, { signal }).then(({ title }) => title));
    return titles.get(id);
  }

  async function remove({ edit_id, cover_id }, item) {
    const sure = await confirmed({ question: "Delete this edit?", explanation: cover_id ? "Its steps are removed. What was saved to the cover stays there." : "The picture and all its steps are removed. What you have downloaded stays yours.", yes: "Delete" });
    if (!sure) return;
    try {
      await call("DELETE", `/v1/edits/${edit_id}`);
    } catch (failure) {
      if (failure.status !== 404) return toast(failure.message);
    }
    toast("The edit is deleted.");
    (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("a").focus();
    item.remove();
    before.hidden = !works.children.length;
    if (before.hidden) place.input.focus();
  }

  read();
  const lead = h("p", { class: "lead" }, "Bring a picture of your own: change its light, take something away, put something in, or make room around it. Then download it. To edit a cover, open it and press Edit.");
  return { element: h("div", { class: "hall edits" }, h("div", { class: "hall-head" }, heading), lead, place.element, before, foot), title: "Edit a picture", heading };
}

/** A cover that was only looked at in the editor has nothing to come back for. */
const worth = ({ cover_id, edit_history }) => !cover_id || edit_history.length > 0;

const changes = (count) => (count === 0 ? "Not changed yet" : count === 1 ? "1 step" : `${count} steps`);

function sheetOf(id, version) {
  const image = h("img", { alt: "", decoding: "async", hidden: true });
  const sheet = blankBook("square", "book-still book-flat bone", image);
  image.addEventListener("load", () => { image.hidden = false; shapeTo(sheet, image).classList.remove("bone"); });
  loadInView(image, `/v1/edits/${id}/image?version=${version}`, () => { sheet.classList.remove("bone"); show(sheet, h("span", { class: "work-state" }, "No picture")); }, sheet);
  return sheet;
}
