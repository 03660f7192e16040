// A cover in the making: the sheet fills as far as the work has come, and each step says what it does.

import { call, watchTask } from "../api.js";
import { announce, h, show } from "../dom.js";
import { recallMaking } from "../draft.js";
import { blankBook, paintTo, sketchedBook } from "../parts/book.js";
import { readQuota } from "../parts/quota.js";
import { failed } from "../parts/states.js";
import { ART_SHARE, STEPS } from "../words.js";

/** The view of a task while it runs; it turns into the cover's own view when the cover is ready. */
export function making({ id, signal }) {
  const words = recallMaking(id);
  const book = words ? sketchedBook({ ...words, wet: true }) : blankBook("ebook", "book-stage book-wet", h("div", { class: "brush" }));
  const heading = h("h1", { class: "headline", tabindex: "-1" }, words?.title.trim() || "Your cover");
  const steps = h("ol", { class: "steps" });
  const gauge = h("progress", { class: "gauge", max: 100, value: 0, "aria-label": "Progress" });
  const sentence = h("span", {}, "Waiting for a free hand");
  const share = h("span", {}, "0 %");
  const acts = h("div", { class: "acts" });
  const panel = h("section", { class: "bench-work panel", "aria-label": "Progress" }, heading,
    h("p", { class: "panel-sub" }, "is being made"), gauge, h("div", { class: "gauge-line" }, sentence, share), steps, acts);
  const cancel = h("button", { class: "button", type: "button", on: { click: stop } }, "Cancel");
  let ended = false;
  let at = -1;
  let reached = 0;

  function step(entry) {
    const bad = entry.status === "failed" || entry.status === "cancelled";
    const undoing = entry.step?.endsWith("/undo");
    const index = STEPS.findIndex(([name]) => name === entry.step);
    if (index >= 0) at = index;
    if (!bad && !undoing) reached = Math.max(reached, entry.progress ?? 0);
    paintTo(book, reached / ART_SHARE, at > STEPS.findIndex(([name]) => name === "compose"));
    gauge.value = Math.round(reached * 100);
    share.textContent = `${Math.round(reached * 100)} %`;
    sentence.textContent = entry.detail || STEPS[at]?.[1] || "Waiting for a free hand";
    announce(sentence.textContent);
    show(steps, STEPS.map(([, name], place) => line(name, stateOf(place, entry.status === "succeeded", bad || undoing))));
  }

  function stateOf(place, done, bad) {
    if (done || place < at) return "is-done";
    if (place > at) return "";
    return bad ? "is-bad" : "is-now";
  }

  async function run() {
    try {
      for await (const entry of watchTask(id, signal, (lost) => { if (lost) sentence.textContent = "The line is gone; the work goes on. Reconnecting."; })) {
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
  show(acts, cancel, h("a", { class: "button button-quiet", href: "#/" }, "Start another meanwhile"));
  run();
  return {
    element: h("div", { class: "bench bench-final" }, h("section", { class: "bench-stage", "aria-label": "The sheet" }, h("div", { class: "table" }, book)), panel),
    title: "Making a cover", heading,
  };
}

function line(name, state) {
  return h("li", { class: `step ${state}`, "aria-current": state === "is-now" ? "step" : null }, name);
}
