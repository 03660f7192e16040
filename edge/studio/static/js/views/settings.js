// The account's own page: how and where one is signed in, the keys of one's programs, what is kept, and its end.

import { call } from "../api.js";
import { h, show, toast } from "../dom.js";
import { fieldForm, keyNameField, scopesField } from "../parts/fields.js";
import { farewell, ownData } from "../parts/leaving.js";
import { done, part, quiet, row, rows } from "../parts/rows.js";
import { confirmed } from "../parts/states.js";
import { ways } from "../parts/ways.js";
import { sayAgo, sayDevice, sayTime } from "../words.js";

/** The view of sessions, ways to sign in, keys and what is kept. */
export function settings({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Account");
  let places = sessions(signal);
  const again = () => { const fresh = sessions(signal); places.replaceWith(fresh); places = fresh; };
  const element = h("div", { class: "hall settings" }, h("div", { class: "hall-head" }, heading), places, ways(signal, again), keys(signal), ownData(), farewell(signal));
  return { element, title: "Account", heading };
}

function sessions(signal) {
  const end = (session, read) => done(() => call("DELETE", `/v1/me/sessions/${session.id}`), "The session has ended.", read);
  const others = (read) => done(() => call("DELETE", "/v1/me/sessions"), "All other sessions have ended.", read);
  const line = (read) => (session) => {
    const name = session.application ?? sayDevice(session.user_agent);
    const used = session.current ? "This browser" : `Last used ${sayAgo(session.last_used_at)}`;
    return row(name, [used, session.address, `since ${sayTime(session.created_at)}`], !session.current && quiet("End", `the session of ${name}`, () => end(session, read)));
  };
  return part({
    title: "Where you are signed in", about: "If you do not know one of these, end it and change your password.", signal, path: "/v1/me/sessions",
    draw: ({ items }, read) => [
      rows(items.map(line(read))),
      items.length > 1 && h("button", { class: "button", type: "button", on: { click: () => others(read) } }, "End all others"),
    ],
  });
}

function keys(signal) {
  async function revoke(key, read) {
    const sure = await confirmed({ question: `Revoke “${key.name}”?`, explanation: "Programs that use this key are refused within seconds.", yes: "Revoke" });
    if (sure) await done(() => call("DELETE", `/v1/api-keys/${key.id}`), "The key is revoked.", read);
  }
  const line = (read) => (key) => row(key.name,
    [`${key.prefix}…`, key.scopes.join(", "), key.last_used_at ? `last used ${sayAgo(key.last_used_at)}` : "never used", `until ${sayTime(key.expires_at)}`],
    quiet("Revoke", `the key ${key.name}`, () => revoke(key, read)));
  return part({
    title: "API keys", about: "A key lets a program of yours do what you choose, and nothing else. Send it as X-API-Key.", signal, path: "/v1/api-keys",
    draw: ({ items }, read) => [rows(items.map(line(read))), maker(read)],
  });
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
