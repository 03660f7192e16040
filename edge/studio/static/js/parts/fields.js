// Fields with a label, a hint and an error of their own, and the form around them.

import { h, show } from "../dom.js";
import { SCOPES, sayField } from "../words.js";

const SHORTEST_PASSWORD = 8;

/**
 * A form that checks its `fields`, then awaits `act(values)`: what is filled in, by name. A failure goes to the fields
 * that it names, else `said(failure)` is shown, a sentence or an element, until something is changed. It cannot be sent
 * twice at once; `grave` is for what cannot be undone.
 */
export function fieldForm({ fields, label, busy, act, grave = false, said = (failure) => failure.message }) {
  const send = h("button", { class: `button ${grave ? "button-alarm" : "button-main"} button-wide`, type: "submit" }, label);
  const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
  let sending = false;

  async function submit(event) {
    event.preventDefault();
    problem.hidden = true;
    const wrong = fields.filter((field) => !field.check());
    if (sending || wrong.length) return wrong[0]?.input.focus();
    wait(true);
    try {
      await act(Object.fromEntries(fields.map((field) => [field.name, field.read()]).filter(([, value]) => value)));
    } catch (failure) {
      if (failure.name !== "AbortError") refuse(failure);
    } finally {
      wait(false);
    }
  }

  /** The button is only called disabled, so that it keeps the focus. */
  function wait(on) {
    sending = on;
    send.setAttribute("aria-disabled", String(on));
    send.textContent = on ? busy : label;
  }

  function refuse(failure) {
    const told = fields.filter((field) => failure.fields?.[field.name]);
    for (const field of told) field.say(sayField(field.label, failure.fields[field.name]));
    if (told.length) return told[0].input.focus();
    show(problem, said(failure));
    problem.hidden = false;
  }

  return h("form", { class: "fields", novalidate: true, on: { submit, input: () => { problem.hidden = true; } } }, fields.map((field) => field.element), problem, send);
}

/** The name of a new account; may be left out. */
export const nameField = () => field("full_name", "Your name", { type: "text", autocomplete: "name", maxlength: 120 }, () => "", { aside: "optional" });

/** An e-mail address. */
export const emailField = () => field("email", "E-mail", { type: "email", autocomplete: "email", inputmode: "email", maxlength: 254, autocapitalize: "off", spellcheck: "false" },
  (value) => (/^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/.test(value) ? "" : "Enter an e-mail address, such as ada@example.org."));

/** What a key is called. */
export const keyNameField = () => field("name", "Name", { type: "text", autocomplete: "off", maxlength: 80, placeholder: "build server" }, (value) => (value ? "" : "Give the key a name."));

/** What a key may do; at least one thing. */
export function scopesField() {
  const boxes = Object.entries(SCOPES).map(([scope, words]) => ({ scope, words, box: h("input", { type: "checkbox", value: scope }) }));
  const error = h("span", { class: "field-error", role: "alert" });
  const element = h("fieldset", { class: "checks" }, h("legend", { class: "field-name" }, "It may"),
    boxes.map(({ words, box }) => h("label", { class: "check" }, box, words)), error);
  const read = () => boxes.filter(({ box }) => box.checked).map(({ scope }) => scope);
  const say = (sentence) => show(error, sentence);
  const check = () => { say(read().length ? "" : "Choose at least one thing."); return read().length > 0; };
  element.addEventListener("change", () => say(""));
  return { name: "scopes", label: "What it may do", element, input: boxes[0].box, read, check, say };
}

/** A password; with a `judge` of its own it is not held to the rule for new ones. */
export function passwordField(name, label, autocomplete, judge = null) {
  return field(name, label, { type: "password", autocomplete, maxlength: 256 }, judge ?? longEnough,
    { whole: true, advice: judge ? "" : `At least ${SHORTEST_PASSWORD} characters.` });
}

const longEnough = (value) => (value.length >= SHORTEST_PASSWORD ? "" : `Use at least ${SHORTEST_PASSWORD} characters.`);

/** The first of the given password fields with a button that shows what is typed into all of them. */
export function peeking(...fields) {
  const peek = h("button", { class: "reveal-button", type: "button", "aria-pressed": "false", "aria-label": "Show password" }, "Show");
  peek.addEventListener("click", () => {
    const hidden = fields[0].input.type === "password";
    for (const { input } of fields) input.type = hidden ? "text" : "password";
    peek.textContent = hidden ? "Hide" : "Show";
    peek.setAttribute("aria-pressed", String(hidden));
  });
  fields[0].input.after(peek);
  fields[0].input.parentElement.classList.add("reveal");
  return fields[0];
}

/** A line of a cover: its title, or another one that may be left out. `form` tells apart forms on one page. */
export const lineField = (form, name, label, value, { needed = "", maxlength = 150, advice = "" } = {}) =>
  field(name, label, { type: "text", autocomplete: "off", dir: "auto", maxlength, value }, (text) => (text || !needed ? "" : needed), { aside: needed ? "" : "optional", advice, form });

/** A choice among `options`, by their names; `first` is the name of choosing none. */
export function choiceField(form, name, label, options, chosen, first = null) {
  const id = `${form}-${name}`;
  const entry = (value, words) => h("option", { value, ...(value === chosen ? { selected: true } : {}) }, words);
  const input = h("select", { class: "input", id, name, "aria-describedby": `${id}-error` }, first !== null && entry("", first), Object.entries(options).map(([value, words]) => entry(value, words)));
  const error = h("span", { class: "field-error", id: `${id}-error` });
  const say = (sentence) => show(error, sentence);
  input.addEventListener("change", () => say(""));
  const element = h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label), input, error);
  return { name, label, element, input, read: () => input.value, check: () => true, say };
}

function field(name, label, attributes, judge, { aside = "", whole = false, advice = "", form = "field" } = {}) {
  const id = `${form}-${name}`;
  const input = h("input", { class: "input", id, name, "aria-describedby": `${id}-error ${id}-hint`, ...attributes });
  const error = h("span", { class: "field-error", id: `${id}-error` });
  const hint = h("span", { class: "field-hint", id: `${id}-hint`, hidden: !advice }, advice);
  const element = h("div", { class: "field" },
    h("label", { class: "field-name", for: id }, label, aside && h("span", { class: "soft" }, aside)), h("div", {}, input), error, hint);
  const read = () => (whole ? input.value : input.value.trim());
  const say = (sentence) => {
    show(error, sentence);
    hint.hidden = Boolean(sentence) || !advice;
    input.setAttribute("aria-invalid", String(Boolean(sentence)));
  };
  const check = () => { say(judge(read())); return !error.textContent; };
  input.addEventListener("input", () => error.textContent && say(""));
  return { name, label, element, input, read, check, say };
}
