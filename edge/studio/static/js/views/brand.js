// The brand kit: type, colours, name and logo that an order may ask for, with a sample of how they go together.

import { call } from "../api.js";
import { announce, h, show, toast } from "../dom.js";
import { clearKit, readKit, writeKit } from "../draft.js";
import { choiceField, lineField } from "../parts/fields.js";
import { logoField, logoImage } from "../parts/logo.js";
import { paletteField } from "../parts/palette.js";
import { isFilled } from "../parts/order.js";
import { brandSample } from "../parts/sample.js";
import { confirmed, failed } from "../parts/states.js";
import { PAIRINGS, sayAgo, sayField } from "../words.js";

const PATH = "/v1/me/brand-kit";
const CASES = { as_typed: "As you type it", upper: "In capitals", small_caps: "In small capitals" };
const WEIGHTS = { regular: "Regular", bold: "Bold" };
const POSITIONS = { auto: "Where there is calm room", bottom: "At the bottom", top: "At the top" };
const EMPTY = { typography: null, palette: [], author: null, author_style: null, logo_upload_id: null, logo_position: "auto" };

/** The view of the brand kit. */
export function brand({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Brand kit");
  const table = h("div", { class: "table" });
  const work = h("section", { class: "bench-work", "aria-label": "Your kit", "aria-busy": "true" }, heading, h("p", { class: "soft" }, "One moment."));
  const state = { kept: null, kit: { ...EMPTY }, dirty: false, busy: false };

  async function read() {
    try {
      const kept = await call("GET", PATH, null, { signal });
      if (!signal.aborted && !state.dirty) open(kept);
    } catch (failure) {
      if (signal.aborted) return;
      if (!state.kept) show(work, heading, failed(failure, read));
    }
  }

  function open(kept) {
    const said = JSON.stringify(kept);
    if (said === JSON.stringify(state.kept)) return;
    const { updated_at, logo_sha256, ...kit } = kept;
    const begun = readKit(updated_at);
    Object.assign(state, { kept, kit: { ...EMPTY, ...kit, ...begun }, dirty: begun !== null });
    work.removeAttribute("aria-busy");
    show(work, heading, form());
    sample();
  }

  function sample() {
    const { kit } = state;
    show(table, brandSample(kit, kit.logo_upload_id && logoImage(kit.logo_upload_id)), h("p", { class: "caption" }, "About how it goes together; art and fonts are those of each cover."));
  }

  function form() {
    const { kit } = state;
    const style = kit.author_style ?? {};
    const problem = h("p", { class: "notice notice-alarm", role: "alert", hidden: true });
    const note = h("p", { class: "make-note", role: "status" });
    const keep = h("button", { class: "button button-main", type: "submit" }, "Save the kit");
    const fields = {
      typography: choiceField("brand", "typography", "Pairing of fonts", PAIRINGS, kit.typography ?? "", "As the style has it"),
      author: lineField("brand", "author", "Author", kit.author ?? "", { advice: "For covers that you order without an author." }),
      case: choiceField("brand", "case", "How the name is set", CASES, style.case ?? "", "As the style has it"),
      weight: choiceField("brand", "weight", "Its weight", WEIGHTS, style.weight ?? "", "As the type has it"),
      logo_position: choiceField("brand", "logo_position", "Where the logo goes", POSITIONS, kit.logo_position),
    };
    const spacing = trackingField(style.tracking, changed);
    const logo = logoField({ id: kit.logo_upload_id, signal, onChange: (id) => { kit.logo_upload_id = id; changed(); } });
    const palette = paletteField({ own: [], colours: kit.palette, onChange: (colours) => { kit.palette = [...colours]; changed(); } });

    function changed() {
      const letters = fields.case.read();
      kit.typography = fields.typography.read() || null;
      kit.author = fields.author.read() || null;
      kit.logo_position = fields.logo_position.read();
      fields.weight.input.disabled = spacing.input.disabled = !letters;
      kit.author_style = letters ? { case: letters, tracking: spacing.read(), weight: fields.weight.read() || null } : null;
      state.dirty = true;
      writeKit(kit, state.kept.updated_at);
      tell();
      sample();
    }

    function tell() {
      note.textContent = state.dirty ? "Not saved yet." : isFilled(state.kept) ? `Saved ${sayAgo(state.kept.updated_at)}. A cover gets it when you tick “Use my brand kit”.` : "Nothing is in the kit yet.";
    }

    async function put(order, words) {
      if (state.busy) return;
      state.busy = keep.disabled = true;
      problem.hidden = true;
      try {
        const kept = await call("PUT", PATH, order, { signal });
        state.dirty = false;
        clearKit();
        toast(words);
        announce(words);
        open(kept);
      } catch (failure) {
        if (!signal.aborted) refuse(failure);
      } finally {
        state.busy = keep.disabled = false;
        tell();
      }
    }

    function refuse(failure) {
      const told = Object.keys(failure.fields ?? {}).filter((name) => fields[name]);
      for (const name of told) fields[name].say(sayField(fields[name].label, failure.fields[name]));
      if (failure.fields?.logo_upload_id) logo.say(sayField("The logo", failure.fields.logo_upload_id));
      else if (!told.length) { problem.textContent = failure.message; problem.hidden = false; }
      if (told.length) fields[told[0]].input.focus();
    }

    async function forget() {
      const sure = await confirmed({ question: "Empty the kit?", explanation: "Covers that were made with it stay as they are.", yes: "Empty it" });
      if (sure) await put({}, "The kit is empty.");
    }

    for (const field of Object.values(fields)) field.input.addEventListener(field.input.tagName === "SELECT" ? "change" : "input", changed);
    fields.weight.input.disabled = spacing.input.disabled = !style.case;
    tell();
    return h("form", { class: "brand-form", novalidate: true, on: { submit: (event) => { event.preventDefault(); put(kit, "The kit is saved."); } } },
      h("p", { class: "lead bench-part" }, "What your covers have in common. A cover takes from it what you do not say when you order it."),
      h("fieldset", { class: "bench-part fields" }, h("legend", {}, "Name"), h("div", { class: "pair" }, fields.author.element, fields.case.element), h("div", { class: "pair" }, fields.weight.element, spacing.element)),
      h("fieldset", { class: "bench-part" }, h("legend", {}, "Type"), fields.typography.element),
      h("fieldset", { class: "bench-part" }, h("legend", {}, "Colours"), palette.element),
      h("fieldset", { class: "bench-part fields" }, h("legend", {}, "Logo"), logo.element, fields.logo_position.element),
      problem, h("div", { class: "make" }, keep, isFilled(state.kept) && h("button", { class: "button button-quiet make-quiet", type: "button", on: { click: forget } }, "Empty it"), note));
  }

  document.addEventListener("visibilitychange", () => !document.hidden && !state.dirty && !state.busy && read(), { signal });
  sample();
  read();
  return { element: h("div", { class: "bench" }, h("section", { class: "bench-stage", "aria-label": "Sample" }, table), work), title: "Brand kit", heading };
}

/** The space between the letters of the name: what suits them, or a number of ems. */
function trackingField(tracking, changed) {
  const input = h("input", { class: "slider", type: "range", id: "brand-tracking", min: 0, max: 30, step: 1, value: Math.round((tracking ?? 0.1) * 100) });
  const output = h("output", { class: "soft", for: "brand-tracking" });
  let own = tracking !== null && tracking !== undefined;
  const read = () => (own ? Number(input.value) / 100 : null);
  const say = () => { output.textContent = own ? `${Number(input.value)} %` : "as it suits"; };
  input.addEventListener("input", () => { own = true; say(); changed(); });
  say();
  return { element: h("div", { class: "field" }, h("label", { class: "field-name", for: "brand-tracking" }, "Space between letters", output), input), input, read };
}
