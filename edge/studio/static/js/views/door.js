// The door: signing in and signing up, beside what the studio is for.

import { call } from "../api.js";
import { h, show } from "../dom.js";
import { sketchedBook } from "../parts/book.js";
import { keep } from "../session.js";
import { sayField } from "../words.js";

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
  const heading = h("h1", { class: "display", tabindex: "-1" }, "A cover worth picking up.");
  const element = h("div", { class: "door" },
    h("section", { class: "door-pitch" },
      h("div", {}, heading,
        h("p", { class: "lead" }, "Type a title and choose a style. Covergen paints the art, sets the type on it, and measures that every line can be read.")),
      h("div", {}, h("div", { class: "shelf", "aria-hidden": "true" }, SHELF.map(sample)), h("p", { class: "shelf-note" }, "A few of the styles, as samples."))),
    h("section", { class: "door-form", "aria-label": entering ? "Sign in" : "Sign up" }, h("div", { class: "door-inner" }, form(entering))));
  return { element, title: entering ? "Sign in" : "Sign up", heading };
}

function sample([title, author, family, palette]) {
  return sketchedBook({ title, author, format: "ebook", stage: false, style: { id: title, style_params: { family, palette } } });
}

function form(entering) {
  const fields = (entering ? [] : [nameField()]).concat([emailField(), passwordField(entering)]);
  const send = h("button", { class: "button button-main button-wide", type: "submit" }, entering ? "Sign in" : "Create account");
  const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
  const element = h("form", { class: "fields", novalidate: true, on: { submit } }, fields.map((field) => field.element), problem, send);

  async function submit(event) {
    event.preventDefault();
    problem.hidden = true;
    const wrong = fields.filter((field) => !field.check());
    if (wrong.length) return wrong[0].input.focus();
    const body = Object.fromEntries(fields.map((field) => [field.name, field.read()]).filter(([, value]) => value));
    send.disabled = true;
    send.textContent = entering ? "Signing in" : "Creating the account";
    try {
      keep(await call("POST", entering ? "/v1/auth/login" : "/v1/auth/register", body, { open: true }));
    } catch (failure) {
      refuse(failure);
    } finally {
      send.disabled = false;
      send.textContent = entering ? "Sign in" : "Create account";
    }
  }

  function refuse(failure) {
    const told = fields.filter((field) => failure.fields[field.name]);
    for (const field of told) field.say(sayField(field.label, failure.fields[field.name]));
    if (told.length) return told[0].input.focus();
    problem.textContent = entering && failure.status === 401 ? "That e-mail address and password do not go together." : failure.message;
    problem.hidden = false;
  }

  const swap = entering
    ? ["New here? ", h("a", { href: "#/sign-up" }, "Create an account")]
    : ["Already have an account? ", h("a", { href: "#/sign-in" }, "Sign in")];
  return [h("h2", { class: "headline" }, entering ? "Sign in" : "Create your account"), element, h("p", { class: "door-swap" }, swap)];
}

const nameField = () => field("full_name", "Your name", { type: "text", autocomplete: "name", maxlength: 120 }, () => "", "optional");

const emailField = () => field("email", "E-mail", { type: "email", autocomplete: "email", inputmode: "email", maxlength: 254, autocapitalize: "off", spellcheck: "false" },
  (value) => (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value) ? "" : "Enter an e-mail address, such as ada@example.org."));

function passwordField(entering) {
  const made = field("password", "Password", { type: "password", autocomplete: entering ? "current-password" : "new-password", maxlength: 256 },
    (value) => (entering ? (value ? "" : "Enter your password.") : value.length >= 8 ? "" : "Use at least 8 characters."), "", true);
  const peek = h("button", { class: "reveal-button", type: "button", "aria-pressed": "false", "aria-label": "Show password" }, "Show");
  peek.addEventListener("click", () => {
    const hidden = made.input.type === "password";
    made.input.type = hidden ? "text" : "password";
    peek.textContent = hidden ? "Hide" : "Show";
    peek.setAttribute("aria-pressed", String(hidden));
  });
  made.input.after(peek);
  made.input.parentElement.classList.add("reveal");
  if (!entering) made.element.querySelector(".field-hint").textContent = "At least 8 characters.";
  return made;
}

function field(name, label, attributes, judge, aside = "", whole = false) {
  const id = `field-${name}`;
  const input = h("input", { class: "input", id, name, "aria-describedby": `${id}-error ${id}-hint`, ...attributes });
  const error = h("span", { class: "field-error", id: `${id}-error` });
  const hint = h("span", { class: "field-hint", id: `${id}-hint` });
  const element = h("div", { class: "field" },
    h("label", { class: "field-name", for: id }, label, aside && h("span", { class: "soft" }, aside)), h("div", {}, input), error, hint);
  const read = () => (whole ? input.value : input.value.trim());
  const say = (sentence) => {
    show(error, sentence);
    hint.hidden = Boolean(sentence) || !hint.textContent;
    input.setAttribute("aria-invalid", String(Boolean(sentence)));
  };
  const check = () => { say(judge(read())); return !error.textContent; };
  hint.hidden = true;
  queueMicrotask(() => { hint.hidden = !hint.textContent; });
  input.addEventListener("input", () => error.textContent && say(""));
  return { name, label, element, input, read, check, say };
}
