// Links by which anybody who has one sees a cover for a time: made, copied, taken back.

import { begin, call, list, newKey } from "../api.js";
import { announce, h, show, toast } from "../dom.js";
import { sayDay } from "../words.js";
import { modal } from "./modal.js";
import { failed } from "./states.js";

const SPANS = [[1, "One day"], [7, "One week"], [30, "One month"], [365, "One year"]];
const USUAL = 30;

/** Opens the dialog of a cover's links; a new one leads to `version`, unless it follows what is chosen. */
export function shareCover(found, version, signal) {
  const path = `/v1/covers/${found.cover_id}/shares`;
  const days = h("select", { class: "input", id: "share-days" }, SPANS.map(([value, words]) => h("option", { value, ...(value === USUAL ? { selected: true } : {}) }, words)));
  const keep = h("input", { type: "checkbox" });
  const follow = h("input", { type: "checkbox" });
  const make = h("button", { class: "button button-main", type: "submit" }, "Make a link");
  const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
  const links = h("div", { class: "links" }, h("p", { class: "soft" }, "Looking for links."));
  let key = newKey();

  async function read() {
    try {
      const page = await list(path, { limit: 50 }, signal);
      show(links, page.items.length ? h("ul", { class: "rows" }, page.items.map(line)) : h("p", { class: "soft small" }, "No link leads to this cover yet."));
    } catch (failure) {
      if (!signal.aborted) show(links, failed(failure, read));
    }
  }

  function line(share) {
    const address = h("input", { class: "input link-address", readonly: true, value: share.url, "aria-label": `Link until ${sayDay(share.expires_at)}`, on: { focus: () => address.select() } });
    const copy = h("button", { class: "button", type: "button", on: { click: () => copied(address, copy) } }, "Copy");
    const away = h("button", { class: "button button-quiet", type: "button", "aria-label": `Stop sharing by the link until ${sayDay(share.expires_at)}`, on: { click: () => revoke(share, away) } }, "Stop sharing");
    const facts = [`until ${sayDay(share.expires_at)}`, share.version ? `version ${share.version}` : "whichever version is chosen", share.allow_download && "with download"];
    return h("li", { class: "link", "data-share": share.share_id }, h("div", { class: "link-line" }, address, copy), h("div", { class: "link-foot" }, h("span", { class: "small soft" }, facts.filter(Boolean).join(" · ")), away));
  }

  async function submit(event) {
    event.preventDefault();
    if (make.disabled) return;
    make.disabled = true;
    problem.hidden = true;
    try {
      const order = { expires_in_days: Number(days.value), allow_download: keep.checked, ...(follow.checked ? { follow: true } : { version: version.version }) };
      const share = await begin(path, order, key, signal);
      key = newKey();
      await read();
      announce("The link is made.");
      links.querySelector(`[data-share="${share.share_id}"] .link-address`)?.focus();
    } catch (failure) {
      if (signal.aborted) return;
      if (!failure.passing) key = newKey();
      problem.textContent = failure.message;
      problem.hidden = false;
    } finally {
      make.disabled = false;
    }
  }

  async function revoke(share, button) {
    button.disabled = true;
    try {
      await call("DELETE", `${path}/${share.share_id}`);
      announce("The link shows nothing any more.");
      toast("The link shows nothing any more.");
    } catch (failure) {
      if (failure.status !== 404) toast(failure.message);
    }
    await read();
    make.focus();
  }

  const form = h("form", { class: "share-form", on: { submit, change: () => { key = newKey(); } } },
    h("div", { class: "field" }, h("label", { class: "field-name", for: "share-days" }, "Good for"), days),
    h("div", { class: "checks" }, h("label", { class: "check" }, keep, "Let people download the picture"), h("label", { class: "check" }, follow, found.versions.length > 1 ? `Show whichever version I choose, not only version ${version.version}` : "Show whichever version I choose later")),
    problem, make);
  modal({ title: "Share this cover", about: "Whoever has a link sees the picture, its title and its author, and nothing else of yours.", body: [form, links], signal, wide: true });
  read();
}

/** Without the clipboard, which needs a secure context, the address is selected to be copied by hand. */
async function copied(input, button) {
  try {
    await navigator.clipboard.writeText(input.value);
    button.textContent = "Copied";
    announce("The link is in your clipboard.");
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  } catch {
    input.focus();
    input.select();
  }
}
