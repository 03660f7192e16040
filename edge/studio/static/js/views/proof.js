// Where the links of mails lead: an address is proven, a new password set; and where such a mail is asked for.

import { call } from "../api.js";
import { announce, h, show } from "../dom.js";
import { emailField, fieldForm, passwordField, peeking } from "../parts/fields.js";
import { resend } from "../parts/resend.js";
import { current, prove } from "../session.js";
import { doorway } from "./door.js";

const USED = "A link works once and for a short time, and a newer mail takes the place of an older one.";
const TORN = "This address has no link of a mail in it. Open the link in the mail once more, or copy all of it.";

/**
 * Takes the token of a mail's link out of the address, so that it stays neither there nor in the tab's history.
 * Null when there is none. It is kept in memory alone: a page that is loaded again needs the mail's link again.
 */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) history.replaceState(null, "", location.pathname);
  return token || null;
}

/** Proves the e-mail address of the account that the token was mailed to. */
export function proof({ token, signal }) {
  const [page, turn] = pages("Confirm your e-mail address");

  async function send() {
    turn("Confirming your address", h("p", { class: "soft" }, "One moment."));
    try {
      const { email } = await call("POST", "/v1/auth/verify-email", { token }, { open: true, signal });
      prove(email);
      turn("Your address is confirmed", h("p", {}, `We know now that ${email} is yours.`), onward());
    } catch (failure) {
      if (failure.name === "AbortError") return;
      if (failure.fields?.token) turn("This link does not work any more", h("p", {}, USED, " If you opened it before, your address is confirmed already."), again(signal));
      else turn("That did not work", h("p", { role: "alert" }, failure.message), h("button", { class: "button button-main", type: "button", on: { click: send } }, "Try again"));
    }
  }

  if (token) send();
  else turn("The link is not whole", h("p", {}, TORN), again(signal));
  return page;
}

/** Sets a new password for the account that the token was mailed to. */
export function renewal({ token, signal }) {
  const [page, turn] = pages("Choose a new password");
  const ask = h("a", { class: "button button-main", href: "/forgot-password" }, "Ask for another mail");
  const over = () => turn("This link does not work any more", h("p", {}, USED, " Your password is as it was before."), ask);
  if (!token) {
    turn("The link is not whole", h("p", {}, TORN), ask);
    return page;
  }
  const password = passwordField("password", "New password", "new-password");
  const repeat = passwordField("repeat", "The same once more", "new-password", (value) => (value === password.read() ? "" : "These two are not the same."));
  peeking(password, repeat);

  async function act(values) {
    try {
      await call("POST", "/v1/auth/password/reset", { token, password: values.password }, { open: true, signal });
    } catch (failure) {
      if (failure.fields?.token) return over();
      throw failure;
    }
    turn("Your password is changed", h("p", {}, "Every device that was signed in to your account is signed out now."),
      h("a", { class: "button button-main", href: "#/sign-in" }, "Sign in"));
  }

  turn("Choose a new password", fieldForm({ fields: [password, repeat], label: "Set the password", busy: "Setting the password", act }));
  return page;
}

/** Asks for the mail with which a forgotten password is replaced. Whether there is such an account is not told. */
export function forgotten({ signal }) {
  const [page, turn] = pages("Forgot your password?");
  const back = h("p", { class: "door-swap" }, "Remembered it? ", h("a", { href: "#/sign-in" }, "Sign in"));

  async function act({ email }) {
    await call("POST", "/v1/auth/password/forgot", { email }, { open: true, signal });
    turn("Look into your mail", h("p", {}, `If ${email} has an account, a mail with a link is on its way there. The link is good for half an hour.`),
      h("button", { class: "button", type: "button", on: { click: ask } }, "Use another address"), back);
  }

  function ask() {
    turn("Forgot your password?", h("p", { class: "soft" }, "Tell us your e-mail address, and we send you a link with which you choose a new one."),
      fieldForm({ fields: [emailField()], label: "Send the link", busy: "Sending", act }), back);
  }

  ask();
  return page;
}

/** A page at the door, and `turn(title, ...content)`, which shows something else on it and says so. */
function pages(title) {
  const heading = h("h1", { class: "headline", tabindex: "-1" });
  const body = h("div", { class: "slip" });
  const turn = (words, ...content) => {
    const turned = heading.isConnected;
    heading.textContent = words;
    show(body, content);
    if (!turned) return;
    announce(words);
    heading.focus({ preventScroll: true });
  };
  return [{ element: doorway(title, heading, body), title, heading }, turn];
}

function onward() {
  return h("a", { class: "button button-main", href: current() ? "#/" : "#/sign-in" }, current() ? "To the studio" : "Sign in");
}

function again(signal) {
  if (current()) return resend({ main: true, signal });
  return [h("p", { class: "soft" }, "Sign in to have the mail sent again: under your name, at the top."), onward()];
}
