// The account's own page: where one is signed in, and the keys of one's programs.

import { call, list } from "../api.js";
import { announce, h, show, toast } from "../dom.js";
import { fieldForm, keyNameField, scopesField } from "../parts/fields.js";
import { confirmed, failed } from "../parts/states.js";
import { sayAgo, sayDevice, sayTime } from "../words.js";

const MOST = 50;

/** The view of sessions and keys. */
export function settings({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Account");
  const element = h("div", { class: "hall settings" }, h("div", { class: "hall-head" }, heading), sessions(signal), keys(signal));
  return { element, title: "Account", heading };
}

/** A part of the page: what is read is drawn by `draw`, again after each change. */
function part(title, about, signal, path, draw) {
  const body = h("div", { class: "settings-body" }, h("p", { class: "soft" }, "One moment."));
  async function read() {
    try {
      const { items } = await list(path, { limit: MOST }, signal);
      if (!signal.aborted) show(body, draw(items, read));
    } catch (failure) {
      if (!signal.aborted) show(body, failed(failure, read));
    }
  }
  read();
  return h("section", { class: "settings-part", "aria-label": title }, h("h2", { class: "part-title" }, title), h("p", { class: "soft" }, about), body);
}

function row(name, facts, act) {
  return h("li", { class: "row" }, h("div", { class: "row-text" }, h("strong", {}, name), h("span", { class: "small soft" }, facts)), act);
}

function quiet(label, what, press) {
  return h("button", { class: "button button-quiet", type: "button", "aria-label": `${label} ${what}`, on: { click: press } }, label);
}

/** Does `work`, says so and reads again; a failure is told. */
async function done(work, words, read) {
  try {
    await work();
    announce(words);
    toast(words);
  } catch (failure) {
    toast(failure.message);
  }
  read();
}

function sessions(signal) {
  const end = (session, read) => done(() => call("DELETE", `/v1/me/sessions/${session.id}`), "The session has ended.", read);
  const others = (read) => done(() => call("DELETE", "/v1/me/sessions"), "All other sessions have ended.", read);
  return part("Where you are signed in", "What you do not know, end here, and choose a new password.", signal, "/v1/me/sessions", (items, read) => [
    h("ul", { class: "rows" }, items.map((session) => {
      const name = session.application ?? sayDevice(session.user_agent);
      const facts = [session.current ? "This browser" : `Last used ${sayAgo(session.last_used_at)}`, session.address, `since ${sayTime(session.created_at)}`];
      return row(name, facts.filter(Boolean).join(" · "), !session.current && quiet("End", `the session of ${name}`, () => end(session, read)));
    })),
    items.length > 1 && h("button", { class: "button", type: "button", on: { click: () => others(read) } }, "End all others"),
  ]);
}

function keys(signal) {
  async function revoke(key, read) {
    const sure = await confirmed({ question: `Revoke “${key.name}”?`, explanation: "Programs that use this key are refused within seconds.", yes: "Revoke" });
    if (sure) await done(() => call("DELETE", `/v1/api-keys/${key.id}`), "The key is revoked.", read);
  }
  return part("Keys of the API", "A key lets a program of yours do what you choose, and nothing else. Send it as X-API-Key.", signal, "/v1/api-keys", (items, read) => [
    items.length > 0 && h("ul", { class: "rows" }, items.map((key) => row(key.name,
      [`${key.prefix}…`, key.scopes.join(", "), key.last_used_at ? `last used ${sayAgo(key.last_used_at)}` : "never used", `until ${sayTime(key.expires_at)}`].join(" · "),
      quiet("Revoke", `the key ${key.name}`, () => revoke(key, read))))),
    maker(read),
  ]);
}

/** The button that turns into the form for a key, and that into the key, which is shown this once. */
function maker(read) {
  const place = h("div", {});
  const begin = h("button", { class: "button", type: "button", on: { click: ask } }, "Make a key");

  function ask() {
    const name = keyNameField();
    show(place, fieldForm({ fields: [name, scopesField()], label: "Make the key", busy: "Making it", act: make }));
    name.input.focus();
  }

  async function make(values) {
    const { key } = await call("POST", "/v1/api-keys", values);
    const code = h("code", { class: "secret", tabindex: "0" }, key);
    const copy = h("button", { class: "button button-main", type: "button", on: { click: () => copied(key, code) } }, "Copy the key");
    show(place, h("p", { class: "notice", role: "status" }, "This is your key. It is shown this once: keep it where secrets are kept."), code,
      h("div", { class: "acts" }, copy, h("button", { class: "button", type: "button", on: { click: read } }, "I have it")));
    copy.focus();
  }

  show(place, begin);
  return place;
}

/** Without the clipboard, which needs a secure context, the key is selected to be copied by hand. */
async function copied(key, code) {
  try {
    await navigator.clipboard.writeText(key);
    toast("The key is in your clipboard.");
  } catch {
    getSelection().selectAllChildren(code);
  }
}
