// A cover in the making: the sheet fills as far as the work has come, and each step says what it does.

import { call, watchTask } from "../api.js";
import { announce, h, show } from "../dom.js";
import { clearDraft, recallMaking } from "../draft.js";
import { blankBook, paintTo, sketchedBook } from "../parts/book.js";
import { readQuota } from "../parts/quota.js";
import { failed } from "../parts/states.js";
import { ART_SHARE, STEPS } from "../words.js";

const WAITING = "Waiting for its turn";

/** The view of a task while it runs; it turns into the cover's own view when the cover is ready. */
export function making({ id, signal }) {
  let words = recallMaking(id);
  let book = words ? sketchedBook({ ...words, wet: true }) : blankBook("ebook", "book-stage book-wet", h("div", { class: "brush" }));
  const table = h("div", { class: "table" }, book);
  const heading = h("h1", { class: "headline", tabindex: "-1", dir: "auto" }, words?.title.trim() || "Your cover");
  const steps = h("ol", { class: "steps" });
  const gauge = h("progress", { class: "gauge", max: 100, value: 0, "aria-label": "Progress" });
  const sentence = h("span", {}, WAITING);
  const share = h("span", {}, "0 %");
  const acts = h("div", { class: "acts" });
  const panel = h("section", { class: "bench-work panel", "aria-label": "Progress" }, heading,
    h("p", { class: "panel-sub" }, subSentence(words)), gauge, h("div", { class: "gauge-line" }, sentence, share), steps, acts);
  const cancel = h("button", { class: "button", type: "button", on: { click: stop } }, "Cancel");
  let ended = false;
  let at = -1;
  let reached = 0;

  function step(entry) {
    const bad = entry.status === "failed" || entry.status === "cancelled";
    const undoing = entry.step?.endsWith("/undo");
    const index = STEPS.findIndex(([, names]) => names.includes(entry.step));
    if (index >= 0) at = index;
    if (!bad && !undoing) reached = Math.max(reached, entry.progress ?? 0);
    paint();
    gauge.value = Math.round(reached * 100);
    share.textContent = `${Math.round(reached * 100)} %`;
    sentence.textContent = entry.detail || STEPS[at]?.[0] || WAITING;
    announce(sentence.textContent);
    const here = entry.status === "failed" || undoing ? "is-bad" : bad ? "" : "is-now";
    show(steps, STEPS.map(([name], place) => line(name, entry.status === "succeeded" || place < at ? "is-done" : place === at ? here : "")));
  }

  function paint() {
    paintTo(book, reached / ART_SHARE, at === STEPS.length - 1);
  }

  /** The cover's record knows the words and the style that was chosen for it, also when it was begun elsewhere. */
  async function lookUp() {
    if (words?.style) return;
    const coverId = words?.cover_id ?? (await call("GET", `/v1/tasks/${id}`, null, { signal })).cover_id;
    const { title, subtitle, author, format, recipe } = await call("GET", `/v1/covers/${coverId}`, null, { signal });
    words = { title, subtitle, author, format, variations: words?.variations, cover_id: coverId, style: { id: recipe.template_id, name: recipe.template_name, style_params: recipe.style_params } };
    book = sketchedBook({ ...words, wet: true });
    show(table, book);
    heading.textContent = title;
    if (!ended) panel.querySelector(".panel-sub").textContent = subSentence(words);
    requestAnimationFrame(paint);
  }

  async function run() {
    try {
      for await (const entry of watchTask(id, signal, (lost) => { if (lost) sentence.textContent = "No connection. Your cover is still being made; reconnecting."; })) {
        step(entry);
        if (entry.status === "succeeded") return await finish(entry);
        if (entry.status === "failed" || entry.status === "cancelled") return await end(entry);
      }
    } catch (failure) {
      if (!signal.aborted) show(panel, failed(failure, () => location.reload()));
    }
  }

  async function finish(entry) {
    ended = true;
    readQuota();
    announce("The cover is ready.");
    const coverId = entry.cover_id ?? words?.cover_id ?? (await call("GET", `/v1/tasks/${id}`, null, { signal })).cover_id;
    location.replace(`#/covers/${coverId}`);
  }

  async function end(entry) {
    ended = true;
    readQuota();
    book.classList.add("is-stopped");
    const task = await call("GET", `/v1/tasks/${id}`, null, { signal }).catch(() => null);
    const cancelled = entry.status === "cancelled";
    const why = cancelled ? "You stopped it. It does not count against your month." : task?.error_message || entry.detail || "It could not be made.";
    panel.querySelector(".panel-sub").textContent = cancelled ? "was cancelled" : "could not be made";
    sentence.textContent = cancelled ? "Stopped" : "Stopped at this step";
    show(acts, h("a", { class: "button button-main", href: "#/" }, cancelled ? "Back to the studio" : "Change it and try again"), h("a", { class: "button button-quiet", href: "#/covers" }, "Your covers"));
    acts.before(h("p", { class: cancelled ? "notice" : "notice notice-alarm", role: "alert" }, why, cancelled ? "" : " Nothing was counted against your month."));
  }

  async function stop() {
    cancel.disabled = true;
    cancel.textContent = "Cancelling";
    try {
      await call("DELETE", `/v1/tasks/${id}`);
    } catch (failure) {
      if (!ended) sentence.textContent = failure.status === 409 ? "Too late to cancel; it is almost done." : failure.message;
      cancel.textContent = "Cancel";
      cancel.disabled = failure.status === 409;
    }
  }

  step({ status: "queued", step: null, progress: 0, detail: "" });
  show(acts, cancel, h("a", { class: "button button-quiet", href: "#/", on: { click: clearDraft } }, "Begin another meanwhile"));
  run();
  lookUp().catch(() => {});
  return {
    element: h("div", { class: "bench bench-final" }, h("section", { class: "bench-stage", "aria-label": "The sheet" }, table), panel),
    title: "Making a cover", heading,
  };
}

function subSentence(words) {
  const what = words?.variations > 1 ? `is being made in ${words.variations} pictures to choose from` : "is being made";
  return words?.style ? `${what}, in the style ${words.style.name}` : what;
}

function line(name, state) {
  return h("li", { class: `step ${state}`, "aria-current": state === "is-now" ? "step" : null }, name);
}
