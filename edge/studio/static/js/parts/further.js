// What can be made of a version: other words, more like it, other formats, the same again. Each is a fold with a form.

import { begin, call, newKey } from "../api.js";
import { h, show } from "../dom.js";
import { rememberMaking } from "../draft.js";
import { formatOf, withRecipe, wordsOf } from "../versions.js";
import { FORMATS, PAIRINGS } from "../words.js";
import { summary } from "./details.js";
import { choiceField, fieldForm, lineField } from "./fields.js";
import { counts, isFilled, sayPictures, shapes } from "./order.js";
import { left, onQuota, outSentence, readQuota } from "./quota.js";

const BY_HAND = "This picture was edited by hand, so no others can be made from it. ";

/**
 * The folds: `{element, draw(found, version, busy)}`. `onBegun(taskId)` tells of a task that makes versions, `onLook` of
 * another version to begin with, `onRefused()` that the cover may have changed.
 */
export function further({ signal, onBegun, onLook, onRefused }) {
  const parts = [words, more, formats, again].map((make) => make({ send, signal }));
  const note = h("p", { class: "notice", hidden: true });
  const key = { order: "", value: newKey() };

  /** Sends an order once, however often it is pressed: the same order has the same key until it is answered. */
  async function send(path, order, memory) {
    const said = JSON.stringify([path, order]);
    if (key.order !== said) Object.assign(key, { order: said, value: newKey() });
    try {
      const accepted = await begin(path, order, key.value, signal);
      key.order = "";
      rememberMaking(accepted.task_id, memory);
      readQuota();
      onBegun(accepted.task_id);
    } catch (failure) {
      if (!failure.passing) key.order = "";
      if (failure.code === "over_quota") readQuota();
      if (failure.status === 409) onRefused();
      throw failure;
    }
  }

  function draw(found, version, busy) {
    note.hidden = Boolean(version.recipe);
    const begun = withRecipe(found, version);
    if (!version.recipe) show(note, BY_HAND, begun && h("button", { class: "button button-quiet", type: "button", on: { click: () => onLook(begun.version) } }, `Begin with version ${begun.version}`));
    for (const part of parts) {
      part.element.hidden = !version.recipe;
      if (version.recipe) part.draw(found, version);
      part.element.classList.toggle("is-busy", busy);
      for (const button of part.element.querySelectorAll("button[type=submit]")) button.inert = busy;
    }
  }

  return { element: h("div", { class: "act-folds" }, note, parts.map(({ element }) => element)), draw };
}

/** A fold whose form is drawn anew only for another version, so that nothing typed is lost. */
function fold(name, about, build) {
  const body = h("div", { class: "act-body" });
  const element = h("details", { class: "act-fold", name: "further" }, summary(name, about), body,
    h("p", { class: "small soft busy-note" }, "Something is being made from this cover. Wait until it is done, or cancel it."));
  let drawn = "";
  return {
    element,
    draw(found, version) {
      const key = `${found.cover_id}/${version.version}/${version.image.sha256}`;
      if (key === drawn) return;
      drawn = key;
      show(body, build(found, version));
    },
  };
}

function words({ send, signal }) {
  const kit = call("GET", "/v1/me/brand-kit", null, { signal }).catch(() => null);
  return fold("Change the words", "New type on the same art", (found, version) => {
    const now = wordsOf(found, version);
    const fields = [
      lineField("retype", "title", "Title", now.title, { needed: "A cover needs a title." }), lineField("retype", "subtitle", "Subtitle", now.subtitle), lineField("retype", "author", "Author", now.author),
      choiceField("retype", "typography", "Type", PAIRINGS, version.recipe.style_params.typography),
      choiceField("retype", "brand", "Brand kit", version.recipe.brand ? { now: "As it is now", none: "Without" } : { now: "With my kit" }, "", version.recipe.brand ? "As it was then" : "Without"),
    ];
    fields[4].element.hidden = !version.recipe.brand;
    kit.then((found) => { if (isFilled(found)) fields[4].element.hidden = false; });
    const act = async (values) => {
      const order = { version: version.version };
      for (const name of ["title", "subtitle", "author"]) if ((values[name] ?? "") !== now[name]) order[name] = values[name] ?? null;
      if (values.typography !== version.recipe.style_params.typography) order.typography = values.typography;
      if (values.brand) order.brand = values.brand === "now";
      if (Object.keys(order).length === 1) throw new Error("Change something first.");
      await send(`/v1/covers/${found.cover_id}/retype`, order, { what: `New words on version ${version.version}`, asked: 1 });
    };
    return [fieldForm({ fields, label: "Set these words", busy: "Sending it off", act }), cost("Takes nothing from your month.")];
  });
}

function more({ send, signal }) {
  return fold("More like this", "New pictures in the same style", (found, version) => {
    let count = 2;
    const note = h("p", { class: "field-hint" });
    const tell = () => {
      const free = left();
      note.textContent = outSentence() || (free !== null && count > free ? `Only ${free} left this month: ${sayPictures(count).toLowerCase()} would be too many.` : `Takes ${count} of your month${free === null ? "" : `, which has ${free} left`}.`);
    };
    onQuota(tell, signal);
    tell();
    const act = () => send(`/v1/covers/${found.cover_id}/variations`, { version: version.version, count }, { what: `More like version ${version.version}: ${sayPictures(count).toLowerCase()}`, asked: count, quota: true });
    return [h("div", { class: "field-name" }, "How many"), counts({ name: "vary-count", chosen: count, onChange: (now) => { count = now; tell(); } }), note,
      fieldForm({ fields: [], label: "Make them", busy: "Sending it off", act })];
  });
}

function formats({ send }) {
  return fold("Other formats", "Made for each shape, nothing cropped", (found, version) => {
    const own = formatOf(found, version);
    const picked = new Set();
    const act = () => {
      if (!picked.size) throw new Error("Choose at least one format.");
      const names = Object.keys(FORMATS).filter((format) => picked.has(format));
      return send(`/v1/covers/${found.cover_id}/formats`, { version: version.version, formats: names }, { what: names.map((format) => FORMATS[format].name).join(", "), asked: names.length });
    };
    return [shapes({ name: "reshape", chosen: [], many: true, formats: Object.keys(FORMATS).filter((format) => format !== own), onChange: (format, on) => (on ? picked.add(format) : picked.delete(format)) }),
      fieldForm({ fields: [], label: "Make these", busy: "Sending it off", act }), cost("Takes nothing from your month.")];
  });
}

function again({ send }) {
  return fold("Make it again", "To check that it comes out the same", (found, version) => {
    const sure = version.recipe.painting?.reproducible;
    const words = sure === false ? "This picture’s model does not paint the same twice, so it will look different." : "The new version says whether it is the same to the byte.";
    const act = () => send(`/v1/covers/${found.cover_id}/regenerate`, { version: version.version }, { what: `Version ${version.version} again`, asked: 1 });
    return [h("p", { class: "soft" }, words), fieldForm({ fields: [], label: "Make it again", busy: "Sending it off", act }), cost("Takes nothing from your month.")];
  });
}

const cost = (words) => h("p", { class: "field-hint" }, words);
