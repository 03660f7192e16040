// Who is signed in, and the way out.

import { call } from "../api.js";
import { h } from "../dom.js";
import { sayTier } from "../words.js";
import { current, forget } from "../session.js";

/** The account button with its sheet. */
export function account() {
  const { user } = current();
  const name = user.full_name || user.username;
  const button = h("button", { class: "tool", type: "button", popovertarget: "account", "aria-label": `Account of ${name}` },
    h("span", { class: "initial", "aria-hidden": "true" }, name.slice(0, 1)));
  const out = h("button", { class: "button button-wide", type: "button", on: { click: signOut } }, "Sign out");
  const sheet = h("div", { class: "sheet sheet-small", id: "account", popover: "auto", role: "dialog", "aria-label": "Account" },
    h("div", { class: "sheet-body" },
      h("p", {}, h("strong", {}, name)), h("p", { class: "small soft" }, user.email),
      h("p", { class: "small soft account-plan" }, `${sayTier(user.tier)} plan`), out));
  return [button, sheet];
}

async function signOut() {
  const session = current();
  await call("POST", "/v1/auth/logout", { refresh_token: session.refresh_token }).catch(() => null);
  forget();
}
