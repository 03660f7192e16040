// The studio itself: the words, the style and the shape on one side, the sketch of the cover on the other.

import { Failure, call, newKey } from "../api.js";
import { backOff, pause } from "../events.js";
import { announce, h, show, svg } from "../dom.js";
import { sketchedBook, shapeSize } from "../parts/book.js";
import { left, onQuota, outSentence, quota, readQuota } from "../parts/quota.js";
import { styleChooser } from "../parts/styles.js";
import { readDraft, rememberMaking, writeDraft } from "../draft.js";
import { FORMATS, sayField } from "../words.js";

const LIMITS = { title: 150, subtitle: 150, author: 150, prompt: 2000 };

/** The studio view. */
export function bench({ signal }) {
  const draft = readDraft();
  const table = h("div", { class: "table" });
  const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
  const note = h("p", { class: "make-note", id: "make-note" });
  const make = h("button", { class: "button button-main", type: "submit", "aria-describedby": "make-note" }, "Make cover");
  const fields = wordFields(draft, changed);
  let key = newKey();
  let busy = false;

  function changed() {
    key = newKey();
    writeDraft(draft);
    draw();
  }

  function draw() {
    show(table, h("div", { class: "sr-only" }, "The sketch"), sketchedBook(draft),
      h("p", { class: "caption" }, draft.style ? `${draft.style.name}, as a sample. Yours is painted from your own words.` : "A blank sheet. The studio picks the style that fits your words."));
    note.textContent = hindrance() || allowance();
    note.classList.toggle("is-hindrance", Boolean(hindrance()));
    make.setAttribute("aria-disabled", String(busy || Boolean(hindrance())));
  }

  function hindrance() {
    if (draft.style?.is_premium && quota()?.tier === "free") return `${draft.style.name} comes with the Pro plan. Choose another style to go on.`;
    return outSentence();
  }

  async function submit(event) {
    event.preventDefault();
    if (busy || hindrance()) return announce(hindrance());
    problem.hidden = true;
    if (!draft.title.trim()) return refuse({ fields: { title: { detail: "A cover needs a title." } } });
    setBusy(true);
    try {
      const accepted = await begin(orderOf(draft), key, signal);
      key = newKey();
      rememberMaking(accepted.task_id, { ...draft, cover_id: accepted.cover_id });
      readQuota();
      location.hash = `#/making/${accepted.task_id}`;
    } catch (failure) {
      if (signal.aborted) return;
      if (!failure.passing) key = newKey();
      if (failure.code === "over_quota") await readQuota();
      refuse(failure);
    } finally {
      setBusy(false);
    }
  }

  function setBusy(now) {
    busy = now;
    make.textContent = now ? "Sending it off" : "Make cover";
    make.classList.toggle("is-busy", now);
    draw();
  }

  function refuse(failure) {
    const told = Object.keys(failure.fields).filter((name) => fields[name]);
    for (const name of told) fields[name].say(sayField(fields[name].label, failure.fields[name]));
    if (told.length) return fields[told[0]].input.focus();
    problem.textContent = failure.message;
    problem.hidden = false;
    problem.scrollIntoView({ block: "center" });
  }

  const heading = h("h1", { class: "sr-only", tabindex: "-1" }, "The studio: make a cover");
  const chooser = styleChooser({ chosen: draft.style, signal, onChoose: (style) => { draft.style = style; changed(); } });
  const element = h("form", { class: "bench", novalidate: true, on: { submit } },
    h("section", { class: "bench-stage", "aria-label": "Sketch" }, table),
    h("section", { class: "bench-work", "aria-label": "Your cover" }, heading,
      h("div", { class: "bench-part fields" }, fields.title.element, h("div", { class: "pair" }, fields.subtitle.element, fields.author.element), fields.prompt.element),
      h("fieldset", { class: "bench-part" }, h("legend", {}, "Shape"), shapes(draft, changed)),
      h("div", { class: "bench-part" }, h("h2", { class: "part-title" }, "Style"), chooser),
      problem, h("div", { class: "make" }, make, note)));
  onQuota(() => draw(), signal);
  draw();
  return { element, title: "Studio", heading };
}

function allowance() {
  const count = left();
  return count === null ? "" : count === 1 ? "This is the last cover of your month." : `${count} covers left this month.`;
}

/** What the API is asked for. */
export function orderOf(draft) {
  const order = { title: draft.title.trim(), format: draft.format };
  for (const name of ["subtitle", "author", "prompt"]) if (draft[name].trim()) order[name] = draft[name].trim();
  if (draft.style) order.template_id = draft.style.id;
  return order;
}

/** Begins a cover; sends again with the same key while the way there is broken, so that it is made once. */
async function begin(order, key, signal) {
  for (let turn = 0; ; turn += 1) {
    try {
      return await call("POST", "/v1/covers", order, { key, signal });
    } catch (failure) {
      const again = failure instanceof Failure && (failure.passing || failure.status === 409);
      if (!again || turn >= 3) throw failure;
      await pause(backOff(turn + 1), signal);
    }
  }
}

function wordFields(draft, changed) {
  const parts = {
    title: ["Title", "", "Untitled", "input input-title"],
    subtitle: ["Subtitle", "optional", "", "input"],
    author: ["Author", "optional", "", "input"],
    prompt: ["What should the art show?", "optional", "A lighthouse at dusk, gulls, a long calm sea", "input"],
  };
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, wordField(draft, name, part, changed)]));
}

function wordField(draft, name, [label, aside, placeholder, classes], changed) {
  const id = `word-${name}`;
  const tall = name === "title" || name === "prompt";
  const input = h(tall ? "textarea" : "input", { class: classes, id, name, rows: tall ? 1 : null, maxlength: LIMITS[name], placeholder, autocomplete: "off", "aria-describedby": `${id}-error`, value: draft[name] });
  const error = h("span", { class: "field-error", id: `${id}-error`, role: "alert" });
  const say = (sentence) => { show(error, sentence); input.setAttribute("aria-invalid", String(Boolean(sentence))); };
  const grow = () => { if (!CSS.supports("field-sizing", "content")) { input.style.height = "auto"; input.style.height = `${input.scrollHeight}px`; } };
  input.addEventListener("input", () => {
    if (name === "title") input.value = input.value.replaceAll("\n", " ");
    draft[name] = input.value;
    say("");
    if (tall) grow();
    changed();
  });
  if (name === "title") input.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); input.form.requestSubmit(); } });
  const element = h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label, aside && h("span", { class: "soft" }, aside)), input, error);
  return { label, element, input, say };
}

function shapes(draft, changed) {
  return h("div", { class: "shapes" }, Object.entries(FORMATS).map(([format, { name, note }]) => {
    const [w, tall] = shapeSize(format).map((part) => part * 1.9);
    const choose = () => { draft.format = format; changed(); };
    return h("label", { class: "shape" },
      h("input", { type: "radio", name: "format", value: format, checked: draft.format === format, on: { change: choose } }),
      h("span", { class: "shape-body" },
        h("span", { class: "shape-icon" }, svg("svg", { viewBox: "0 0 36 36", width: 36, height: 36, "aria-hidden": "true" }, svg("rect", { x: (36 - w) / 2, y: (36 - tall) / 2, width: w, height: tall }))),
        h("span", {}, name, h("small", {}, note))));
  }));
}
