// One cover: its picture and versions on the table, what can be made of them, and how each was made.

import { call } from "../api.js";
import { announce, h, show } from "../dom.js";
import { recallMaking } from "../draft.js";
import { another, download, editByHand, remove, undone } from "../parts/acts.js";
import { blankBook } from "../parts/book.js";
import { details, origin } from "../parts/details.js";
import { easel } from "../parts/easel.js";
import { files } from "../parts/files.js";
import { further } from "../parts/further.js";
import { keepStyle } from "../parts/keeping.js";
import { readQuota } from "../parts/quota.js";
import { shareCover } from "../parts/sharing.js";
import { confirmed, failed } from "../parts/states.js";
import { versionStrip } from "../parts/strip.js";
import { endingOf, taskWatch } from "../parts/watch.js";
import { sayMade, sayReproduced } from "../says.js";
import { chosenOf, rivalOf, versionOf, wordsOf } from "../versions.js";
import { sayAgo } from "../words.js";

const FREE = "input, select, textarea, summary, dialog, [popover]";

/** The view of one cover. */
export function cover({ id, signal }) {
  const path = `/v1/covers/${id}`;
  const heading = h("h1", { class: "headline", tabindex: "-1", dir: "auto" }, "A cover");
  const under = h("div", { class: "panel-words" });
  const stand = easel(signal);
  const strip = versionStrip({ onLook: look });
  const bar = h("div", { class: "look-bar", hidden: true });
  const table = h("div", { class: "table table-cover" }, stand.element, bar, strip.element);
  const acts = h("div", { class: "acts" }, h("div", { class: "bone", vars: { width: "11rem", height: "2.875rem" } }));
  const work = h("div", { class: "work-place" });
  const told = h("div", { role: "status" });
  const making = further({ signal, onBegun: watch, onLook: look, onRefused: read });
  const shops = files(signal);
  const made = details();
  const signed = origin(signal);
  const folds = h("div", { hidden: true }, h("h2", { class: "sr-only" }, "Make more of it"), making.element, h("div", { class: "act-folds" }, shops.element, made.element, signed.element));
  const panel = h("section", { class: "bench-work panel panel-cover", "aria-label": "About this cover", "aria-busy": "true" }, heading, under, acts, work, told, folds);
  const view = { element: h("div", { class: "bench bench-final bench-cover" }, h("section", { class: "bench-stage", "aria-label": "The cover" }, table), panel), title: "A cover", heading };
  const state = { found: null, looked: null, paired: false, task: null };

  async function read() {
    try {
      const found = await call("GET", path, null, { signal });
      if (signal.aborted) return;
      if (found.status === "generating") return location.replace(`#/making/${found.task_id}`);
      const first = state.found === null;
      state.found = found;
      if (found.status !== "ready") return unmade(found);
      if (first || !versionOf(found, state.looked)) state.looked = chosenOf(found).version;
      if (first) tellPartial(found);
      if (found.running_task_id) watch(found.running_task_id);
      draw();
    } catch (failure) {
      if (signal.aborted) return;
      if (state.found && failure.status !== 404) return tell(failure.message, true);
      panel.removeAttribute("aria-busy");
      show(panel, failed(failure, () => location.reload()));
      show(table, blankBook("ebook"));
    }
  }

  function unmade(found) {
    heading.textContent = found.title;
    panel.removeAttribute("aria-busy");
    show(panel, heading, undone(found));
    show(table, blankBook(found.format, "book-stage book-blank", h("span", { class: "soft small" }, "No picture")));
  }

  function draw() {
    const { found } = state;
    const version = versionOf(found, state.looked);
    const { title, subtitle, author } = wordsOf(found, version);
    const rival = state.paired ? rivalOf(found, version) : null;
    panel.removeAttribute("aria-busy");
    folds.hidden = false;
    document.title = `${found.title} · ${document.title.split(" · ").at(-1)}`;
    heading.textContent = title;
    show(under, subtitle && h("p", { class: "panel-sub", dir: "auto" }, subtitle), author && h("p", { class: "by" }, "by ", h("bdi", {}, author)));
    drawActs(found, version);
    drawBar(found, version);
    stand.lay(found, version, rival);
    strip.draw(found, state.looked);
    making.draw(found, version, state.task !== null);
    shops.draw(found);
    made.draw(found, version);
    signed.draw(found, version);
  }

  function drawActs(found, version) {
    const save = h("button", { class: "button button-main", type: "button", on: { click: () => download(found, version, save) } }, "Download PNG");
    const byHand = h("button", { class: "button", type: "button", on: { click: () => change(version, byHand) } }, "Edit");
    const quiet = (words, press) => h("button", { class: "button button-quiet", type: "button", on: { click: press } }, words);
    const focus = [...acts.querySelectorAll("button")].indexOf(document.activeElement);
    show(acts, save, h("button", { class: "button", type: "button", on: { click: () => shareCover(found, version, signal) } }, "Share"),
      byHand,
      h("div", { class: "acts-quiet" }, quiet("Make another", another(found)), version.recipe && quiet("Save as my style", () => keepStyle(version.recipe, signal)), quiet("Delete", () => remove(found))));
    if (focus >= 0) acts.querySelectorAll("button")[focus]?.focus();
  }

  /** Editing begins with the chosen version, so another one is chosen first. */
  async function change(version, button) {
    if (version.version !== state.found.shown_version) {
      const sure = await confirmed({ question: `Edit version ${version.version}?`, explanation: `Editing begins with the chosen version. Version ${version.version} becomes the chosen one; the others stay.`, yes: "Choose and edit", no: "Not now", grave: false });
      if (!sure || !(await choose(version.version, button))) return;
    }
    await editByHand(state.found, button);
  }

  function drawBar(found, version) {
    const chosen = version.version === found.shown_version;
    const pick = h("button", { class: "button", type: "button", hidden: chosen, on: { click: () => choose(version.version, pick) } }, "Choose this one");
    const pair = h("button", { class: "button button-quiet", type: "button", "aria-pressed": String(state.paired), on: { click: () => { state.paired = !state.paired; draw(); bar.querySelector("[aria-pressed]").focus(); } } }, state.paired ? "One at a time" : "Side by side");
    bar.hidden = found.versions.length < 2;
    show(bar, h("p", {}, h("strong", {}, sayMade(version, found.versions)), h("span", { class: "soft" }, `${chosen ? "chosen · " : ""}${sayAgo(version.created_at)}`)), h("div", { class: "look-acts" }, pair, pick));
  }

  function look(number) {
    if (number === state.looked) return;
    state.looked = number;
    draw();
    const version = versionOf(state.found, number);
    announce(`Version ${number}: ${sayMade(version, state.found.versions)}`);
  }

  /** Resolves to whether it is chosen now. */
  async function choose(number, button) {
    button.disabled = true;
    try {
      const found = await call("POST", `${path}/choose`, { version: number }, { signal });
      state.found = { ...found, versions: found.versions.length ? found.versions : state.found.versions };
      announce(`Version ${number} is chosen.`);
      draw();
      return true;
    } catch (failure) {
      if (signal.aborted) return false;
      tell(failure.message, true);
      button.disabled = false;
      return false;
    }
  }

  /** Follows a task that this view or another tab began, and shows what it made. */
  function watch(taskId) {
    if (state.task === taskId) return;
    state.task = taskId;
    show(told);
    const onEnd = async (ending) => {
      state.task = null;
      show(work);
      readQuota();
      await read();
      if (!signal.aborted) finish(taskId, ending);
    };
    show(work, taskWatch({ taskId, signal, onEnd }));
    draw();
    work.scrollIntoView({ block: "nearest" });
  }

  function finish(taskId, ending) {
    const fresh = state.found.versions.filter((version) => version.task_id === taskId);
    const { bad, words } = endingOf(ending, fresh.length, { quota: recallMaking(taskId)?.quota });
    tell([words, fresh.length ? sayReproduced(fresh[0]) : ""].filter(Boolean).join(" "), bad);
    if (fresh.length) look(fresh[0].version);
    told.scrollIntoView({ block: "nearest" });
  }

  /** Of a first order for several pictures, some may not have been made. */
  function tellPartial(found) {
    const asked = recallMaking(found.task_id)?.variations;
    const count = found.versions.filter(({ task_id }) => task_id === found.task_id).length;
    if (asked > count && count > 0) tell(endingOf({ status: "succeeded", asked }, count, { quota: true }).words, true);
  }

  function tell(words, bad = false) {
    show(told, h("p", { class: bad ? "notice notice-alarm" : "notice" }, words));
  }

  /** Arrow keys go through the versions wherever they mean nothing else. */
  function press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !state.looked || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest?.(FREE) || document.querySelector("dialog[open]")) return;
    const next = state.found.versions[state.found.versions.findIndex(({ version }) => version === state.looked) + step];
    if (next) look(next.version);
  }

  document.addEventListener("keydown", press, { signal });
  document.addEventListener("visibilitychange", () => !document.hidden && state.found?.status === "ready" && !state.task && read(), { signal });
  read();
  return view;
}
