// The bell and what is behind it.

import { call, list } from "../api.js";
import { announce, h, icon, show, toast } from "../dom.js";
import { sayAgo } from "../words.js";
import { current } from "../session.js";
import { failed } from "./states.js";

const BELL = "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4";
const EVERY = 45_000;

/** The bell button with its sheet; `stop()` ends the reading in the background, `read()` reads at once. */
export function inbox() {
  const count = h("span", { class: "tool-count", hidden: true });
  const bell = h("button", { class: "tool", type: "button", popovertarget: "inbox", "aria-label": "Inbox" }, icon(BELL), count);
  const body = h("div", {});
  const all = h("button", { class: "button button-quiet", type: "button", hidden: true, on: { click: readAll } }, "Mark all as read");
  const sheet = h("div", { class: "sheet", id: "inbox", popover: "auto", role: "dialog", "aria-labelledby": "inbox-title" },
    h("div", { class: "sheet-head" }, h("h2", { id: "inbox-title" }, "Inbox"), all), body);
  let items = [];
  let cursor = null;
  let unread = 0;

  async function read() {
    if (document.hidden || !current()) return;
    try {
      const page = await list("/v1/notifications", { limit: 15 });
      if (page.unread > unread) announce(`${page.unread} unread in the inbox`);
      [items, cursor] = [page.items, page.next_cursor];
      draw(page.unread);
    } catch (failure) {
      if (!items.length) show(body, h("div", { class: "sheet-body" }, failed(failure, read)));
    }
  }

  async function readMore() {
    const page = await list("/v1/notifications", { limit: 15, cursor });
    items = items.concat(page.items);
    cursor = page.next_cursor;
    draw(page.unread);
  }

  function draw(number) {
    unread = number;
    count.hidden = number === 0;
    count.textContent = number > 99 ? "99+" : String(number);
    bell.setAttribute("aria-label", number ? `Inbox, ${number} unread` : "Inbox, nothing unread");
    all.hidden = !items.some((item) => !item.read_at);
    if (!items.length) show(body, h("p", { class: "sheet-body soft" }, "Nothing yet. When a cover is ready, it says so here."));
    else show(body, h("ul", {}, items.map((item) => h("li", {}, letter(item)))),
      cursor && h("div", { class: "sheet-body" }, h("button", { class: "button button-wide", type: "button", on: { click: readMore } }, "Older ones")));
  }

  function letter(item) {
    return h("button", { class: item.read_at ? "letter" : "letter is-new", type: "button", on: { click: () => open(item) } },
      h("strong", {}, item.title), item.body && item.body !== item.title && h("span", {}, item.body), h("time", { datetime: item.created_at }, sayAgo(item.created_at)),
      !item.read_at && h("span", { class: "sr-only" }, "unread"));
  }

  async function open(item) {
    try {
      const place = await placeOf(item.link);
      if (place) {
        sheet.hidePopover();
        location.hash = place;
      }
    } catch (failure) {
      toast(failure.status === 404 ? "It is not there any more." : failure.message);
    }
    if (!item.read_at) await mark([item]);
  }

  function readAll() {
    return mark(items.filter((item) => !item.read_at));
  }

  async function mark(letters) {
    for (const item of letters) {
      const fresh = await call("POST", `/v1/notifications/${item.id}/read`).catch(() => null);
      if (!fresh) break;
      item.read_at = fresh.read_at ?? new Date().toISOString();
      draw(Math.max(0, unread - 1));
    }
  }

  show(body, h("div", { class: "sheet-body" }, h("p", { class: "soft" }, "Reading the inbox.")));
  sheet.addEventListener("toggle", (event) => event.newState === "open" && read());
  const timer = setInterval(read, EVERY);
  const seen = () => document.hidden || read();
  document.addEventListener("visibilitychange", seen);
  read();
  const stop = () => { clearInterval(timer); document.removeEventListener("visibilitychange", seen); };
  return { parts: [bell, sheet], read, stop };
}

/**
 * The place in the studio that a notification's link means, or null: covers, edits and tasks are linked as the API
 * names them; exports have no place of their own and lead to their cover. Raises Failure.
 */
async function placeOf(link) {
  if (!link) return null;
  const [, kind, id] = /\/?(covers|tasks|edits|exports)\/([0-9a-f-]{36})/i.exec(link) ?? [];
  if (!kind) return link.startsWith("#/") ? link : null;
  if (kind === "tasks") return `#/making/${id}`;
  if (kind === "edits") return `#/edits/${id}`;
  return `#/covers/${kind === "covers" ? id : (await call("GET", `/v1/${kind}/${id}`)).cover_id}`;
}
