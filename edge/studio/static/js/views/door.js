// The door: signing in and signing up, beside what the studio is for.

import { call } from "../api.js";
import { h, show } from "../dom.js";
import { sketchedBook } from "../parts/book.js";
import { emailField, fieldForm, nameField, passwordField, peeking } from "../parts/fields.js";
import { keep, wasCut } from "../session.js";
import { takeRefusal } from "../words.js";

const PITCH = "A cover worth picking up.";
const SHELF = [
  ["The Voyage Out", "Virginia Woolf", "landscape", ["#221d2b", "#5b3a5c", "#b5566b", "#f2a65a", "#fff1d6"]],
  ["The Waves", "Virginia Woolf", "ribbons", ["#1d2a44", "#e4572e", "#f3a712", "#76b5a5", "#f5ecd9"]],
  ["From the Earth to the Moon", "Jules Verne", "cosmos", ["#0a0714", "#3a1d6e", "#d1495b", "#f2a154", "#fbe9c7"]],
  ["Walden", "Henry David Thoreau", "ink", ["#16181d", "#4a5560", "#b3261e", "#f4eee0"]],
  ["The Age of Innocence", "Edith Wharton", "deco", ["#0d1321", "#1d2d44", "#d4a94e", "#f6e7c1"]],
  ["The Secret Garden", "Frances Hodgson Burnett", "midcentury", ["#23395b", "#d95d39", "#f0a202", "#7ba098", "#f6ecd6"]],
];

/** The sign-in view, or the sign-up view when `mode` is "sign-up". */
export function door({ mode }) {
  const entering = mode !== "sign-up";
  const heading = h("h1", { class: "display", tabindex: "-1" }, PITCH);
  const label = entering ? "Sign in" : "Sign up";
  return { element: h("div", { class: "door" }, pitch(heading), desk(label, form(entering))), title: label, heading };
}

/** The same door around something short to do there; on a narrow screen without what the studio is for. */
export function doorway(label, ...content) {
  return h("div", { class: "door door-plain" }, pitch(h("p", { class: "display" }, PITCH)), desk(label, content));
}

function pitch(heading) {
  return h("section", { class: "door-pitch" },
    h("div", {}, heading,
      h("p", { class: "lead" }, "Type a title and choose a style. Covergen paints the art, sets the type on it, and measures that every line can be read.")),
    h("div", {}, h("div", { class: "shelf", "aria-hidden": "true" }, SHELF.map(sample)), h("p", { class: "shelf-note" }, "A few of the styles, as samples. ", h("a", { href: "/check" }, "Check where a picture comes from"))));
}

function desk(label, content) {
  return h("section", { class: "door-form", "aria-label": label }, h("div", { class: "door-inner" }, content));
}

function sample([title, author, family, palette]) {
  return sketchedBook({ title, author, format: "ebook", stage: false, style: { id: title, style_params: { family, palette } } });
}

function form(entering) {
  const password = peeking(entering
    ? passwordField("password", "Password", "current-password", (value) => (value ? "" : "Enter your password."))
    : passwordField("password", "Password", "new-password"));
  const element = fieldForm({
    fields: (entering ? [] : [nameField()]).concat([emailField(), password]),
    label: entering ? "Sign in" : "Create account",
    busy: entering ? "Signing in" : "Creating the account",
    act: (body) => (entering ? signIn(body) : signUp(body)),
    said: (failure) => (entering && failure.status === 401 ? "That e-mail address and password do not go together." : failure.message),
  });
  const swap = entering
    ? h("div", { class: "door-new" }, h("p", { class: "soft" }, "New here? Ten covers a month are free."), h("a", { class: "button button-wide", href: "#/sign-up" }, "Create an account"))
    : h("p", { class: "door-swap" }, "Already have an account? ", h("a", { href: "#/sign-in" }, "Sign in"));
  return [
    h("h2", { class: "headline" }, entering ? "Sign in" : "Create your account"), refusal(), entering && cutOff(), element,
    entering && h("p", { class: "door-swap door-lost" }, h("a", { href: "/forgot-password" }, "Forgot your password?")), elsewhere(), swap,
  ];
}

async function signIn(body) {
  keep(await call("POST", "/session", body, { open: true }));
}

async function signUp(body) {
  try {
    keep(await call("POST", "/session/register", body, { open: true }));
  } catch (failure) {
    if (failure.status === 409 && failure.fields.email) failure.fields.email = { detail: "This address has an account already. Sign in below, or use another address." };
    throw failure;
  }
}

function cutOff() {
  return wasCut() && h("p", { class: "notice", role: "status" }, "Your session has ended. Sign in to go on where you were; what you typed is still here.");
}

function refusal() {
  const words = takeRefusal();
  return words && h("p", { class: "notice notice-alarm", role: "alert" }, words);
}

/** Links to the providers where one can sign in too; nothing while there is none. */
function elsewhere() {
  const place = h("div", { class: "door-others" });
  const next = new URLSearchParams(location.search).get("next");
  const query = next ? `?${new URLSearchParams({ next })}` : "";
  const link = ({ name, title }) => h("a", { class: "button button-wide", href: `/v1/auth/oauth/${encodeURIComponent(name)}/start${query}` }, `Continue with ${title}`);
  call("GET", "/v1/auth/providers", null, { open: true }).then(({ items }) => show(place, items.map(link)), () => {});
  return place;
}
