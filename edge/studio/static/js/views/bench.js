// The studio itself: the words, the style, the shape and the colours on one side, the sketch of the cover on the other.

import { begin, newKey } from "../api.js";
import { announce, h, show } from "../dom.js";
import { sketchedBook } from "../parts/book.js";
import { brandSwitch, counts, sayPictures, seedField, seedOf, shapes } from "../parts/order.js";
import { paletteField } from "../parts/palette.js";
import { left, onQuota, outSentence, quota, readQuota } from "../parts/quota.js";
import { styleChooser } from "../parts/styles.js";
import { readDraft, rememberMaking, writeDraft } from "../draft.js";
import { sayField } from "../words.js";

const LIMITS = { title: 150, subtitle: 150, author: 150, prompt: 2000 };
const NEARLY = 20;

/** The studio view. */
export function bench({ signal }) {
  const draft = readDraft();
  const table = h("div", { class: "table" });
  const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
  const note = h("p", { class: "make-note", id: "make-note" });
  const make = h("button", { class: "button button-main", type: "submit", "aria-describedby": "make-note" }, "Make cover");
  const fields = { ...wordFields(draft, changed), seed: seedField(draft, changed) };
  const palette = paletteField({ own: paletteOf(draft.style), colours: draft.palette, onChange: (colours) => { draft.palette = [...colours]; changed(); } });
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
    note.textContent = hindrance() || allowance(draft.variations);
    note.classList.toggle("is-hindrance", Boolean(hindrance()));
    make.textContent = busy ? "Sending it off" : draft.variations > 1 ? `Make ${draft.variations} pictures` : "Make cover";
    make.setAttribute("aria-disabled", String(busy || Boolean(hindrance())));
  }

  function hindrance() {
    if (draft.style?.is_premium && quota()?.tier === "free") return `${draft.style.name} comes with the Pro plan. Choose another style to go on.`;
    if (left() > 0 && left() < draft.variations) return `${sayPictures(draft.variations)} are more than the ${left()} left this month. Choose fewer.`;
    return outSentence();
  }

  async function submit(event) {
    event.preventDefault();
    if (busy || hindrance()) return announce(hindrance());
    problem.hidden = true;
    if (!draft.title.trim()) return refuse({ fields: { title: { detail: "A cover needs a title." } } });
    if (seedOf(draft.seed) === undefined) return refuse({ fields: { seed: { detail: "A seed is a whole number, such as 1234." } } });
    setBusy(true);
    try {
      const accepted = await begin("/v1/covers", orderOf(draft), key, signal);
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
    make.classList.toggle("is-busy", now);
    draw();
  }

  function refuse(failure) {
    const told = Object.keys(failure.fields).filter((name) => fields[name]);
    for (const name of told) fields[name].say(sayField(fields[name].label, failure.fields[name]));
    if (told.includes("seed")) more.open = true;
    if (told.length) return fields[told[0]].input.focus();
    problem.textContent = failure.message;
    problem.hidden = false;
    if (failure.code === "offline") addEventListener("online", () => { problem.hidden = true; }, { once: true, signal });
    problem.scrollIntoView({ block: "center" });
  }

  const heading = h("h1", { class: "sr-only", tabindex: "-1" }, "The studio: make a cover");
  const chooser = styleChooser({ chosen: draft.style, signal, onChoose: (style) => { draft.style = style; palette.refresh(paletteOf(style)); changed(); } });
  const more = h("details", { class: "fold", open: draft.seed !== "" }, h("summary", {}, "Advanced"), fields.seed.element);
  const element = h("form", { class: "bench", novalidate: true, on: { submit } },
    h("section", { class: "bench-stage", "aria-label": "Sketch" }, table),
    h("section", { class: "bench-work", "aria-label": "Your cover" }, heading,
      h("div", { class: "bench-part fields" }, fields.title.element, h("div", { class: "pair" }, fields.subtitle.element, fields.author.element), fields.prompt.element),
      h("div", { class: "bench-part" }, h("h2", { class: "part-title" }, "Style"), chooser),
      h("fieldset", { class: "bench-part" }, h("legend", {}, "Shape"), shapes({ name: "format", chosen: draft.format, onChange: (format) => { draft.format = format; changed(); } })),
      h("div", { class: "pair pair-parts" },
        h("fieldset", { class: "bench-part" }, h("legend", {}, "How many"), counts({ name: "variations", chosen: draft.variations, onChange: (count) => { draft.variations = count; changed(); } }),
          h("p", { class: "field-hint" }, "Pictures to choose from. Each one counts towards your month.")),
        h("fieldset", { class: "bench-part" }, h("legend", {}, "Colours"), palette.element)),
      brandSwitch(draft, changed, signal),
      h("div", { class: "bench-part" }, more),
      problem, h("div", { class: "make" }, make, note)));
  onQuota(() => draw(), signal);
  draw();
  return { element, title: "Studio", heading };
}

const paletteOf = (style) => style?.style_params.palette ?? [];

function allowance(count) {
  const free = left();
  if (free === null) return "";
  if (count > 1) return `Takes up to ${count} of the ${free} left this month.`;
  return free === 1 ? "This is the last cover of your month." : `${free} covers left this month.`;
}

/** What the API is asked for. */
export function orderOf(draft) {
  const order = { title: draft.title.trim(), format: draft.format };
  for (const name of ["subtitle", "author", "prompt"]) if (draft[name].trim()) order[name] = draft[name].trim();
  if (draft.style) order.template_id = draft.style.id;
  if (draft.variations > 1) order.variations = draft.variations;
  if (draft.palette.length) order.palette = draft.palette;
  if (draft.brand) order.brand = true;
  const seed = seedOf(draft.seed);
  return seed === null ? order : { ...order, seed };
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
  const input = h(tall ? "textarea" : "input", { class: classes, id, name, rows: tall ? 1 : null, maxlength: LIMITS[name], placeholder, autocomplete: "off", dir: "auto", "aria-describedby": `${id}-error ${id}-room`, value: draft[name] });
  const room = h("span", { class: "field-hint", id: `${id}-room`, role: "status" });
  const error = h("span", { class: "field-error", id: `${id}-error`, role: "alert" });
  const say = (sentence) => { show(error, sentence); input.setAttribute("aria-invalid", String(Boolean(sentence))); };
  const tellRoom = () => {
    const free = LIMITS[name] - input.value.length;
    room.textContent = free > NEARLY ? "" : free ? `Room for ${free} more.` : `That is all there is room for: ${LIMITS[name]} characters.`;
  };
  const grow = () => { if (!CSS.supports("field-sizing", "content")) { input.style.height = "auto"; input.style.height = `${input.scrollHeight}px`; } };
  input.addEventListener("input", () => {
    if (name === "title") input.value = input.value.replaceAll("\n", " ");
    draft[name] = input.value;
    say("");
    tellRoom();
    if (tall) grow();
    changed();
  });
  if (name === "title") input.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); input.form.requestSubmit(); } });
  const element = h("div", { class: "field" }, h("label", { class: "field-name", for: id }, label, aside && h("span", { class: "soft" }, aside)), input, error, room);
  return { label, element, input, say };
}
