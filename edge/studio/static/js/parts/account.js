// Who is signed in, and the way out.

import { call } from "../api.js";
import { h, show, toast } from "../dom.js";
import { sayTier } from "../words.js";
import { current, forget } from "../session.js";
import { resend } from "./resend.js";

/** The account button with its sheet. */
export function account() {
  const { user } = current();
  const name = user.full_name || user.username;
  const button = h("button", { class: "tool", type: "button", popovertarget: "account", "aria-label": `Account of ${name}` },
    h("span", { class: "initial", "aria-hidden": "true" }, name.slice(0, 1)));
  const out = h("button", { class: "button button-wide", type: "button", on: { click: signOut } }, "Sign out");
  const proofs = h("div", { class: "account-proofs" });
  const sheet = h("div", { class: "sheet sheet-small", id: "account", popover: "auto", role: "dialog", "aria-label": "Account" },
    h("div", { class: "sheet-body" },
      h("p", {}, h("strong", {}, name)), h("p", { class: "small soft" }, user.email),
      h("p", { class: "small soft account-plan" }, `${sayTier(user.tier)} plan`), proofs,
      h("a", { class: "button button-wide account-more", href: "#/account", on: { click: () => sheet.hidePopover() } }, "Account"),
      h("a", { class: "button button-wide account-more", href: "/check" }, "Check a file"), out));
  sheet.addEventListener("beforetoggle", (event) => event.newState === "open" && show(proofs, unproven() &&
    [h("p", { class: "small" }, "Your address is not confirmed yet: a mail with a link was sent to it."), resend()]));
  return [button, sheet];
}

/** Whether the address of who is signed in is known to be unproven. */
const unproven = () => current()?.user.email_verified === false;

/** The cookies end by the answer alone: without one, nobody is signed out. */
async function signOut() {
  try {
    await call("DELETE", "/session");
    location.hash = "#/"; // whoever signs in next begins at the beginning
    forget(true);
  } catch (failure) {
    toast(failure.message);
  }
}
