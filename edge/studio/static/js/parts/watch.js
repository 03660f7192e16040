// A task that makes further versions of a cover: how far it is, the way to stop it, and what became of it.

import { call, watchTask } from "../api.js";
import { announce, h } from "../dom.js";
import { recallMaking } from "../draft.js";
import { sayTask } from "../says.js";

/**
 * Watches `taskId` until it ends: `{element, done}`. `onEnd({status, why, asked})` is told the ending in the task's own
 * words and how many pictures this tab ordered, if it knows.
 */
export function taskWatch({ taskId, signal, onEnd }) {
  const order = recallMaking(taskId);
  const gauge = h("progress", { class: "gauge", max: 100, "aria-label": "Progress" });
  const what = h("strong", {}, order?.what ?? sayTask(null));
  const sentence = h("span", {}, "Waiting for its turn");
  const share = h("span", {}, "");
  const cancel = h("button", { class: "button button-quiet", type: "button", on: { click: stop } }, "Cancel");
  let ended = false;

  function draw(entry) {
    const part = Math.round((entry.progress ?? 0) * 100);
    gauge.value = part;
    share.textContent = `${part} %`;
    sentence.textContent = entry.detail || sentence.textContent;
    announce(sentence.textContent);
  }

  async function run() {
    if (!order) nameIt();
    try {
      const lost = (gone) => { if (gone) sentence.textContent = "No connection. The work goes on; reconnecting."; };
      for await (const entry of watchTask(taskId, signal, lost)) {
        draw(entry);
        if (entry.status === "succeeded" || entry.status === "failed" || entry.status === "cancelled") return await end(entry);
      }
    } catch (failure) {
      if (!signal.aborted) onEnd({ status: "lost", why: failure.message, asked: null });
    }
  }

  async function nameIt() {
    const task = await call("GET", `/v1/tasks/${taskId}`, null, { signal }).catch(() => null);
    if (task) what.textContent = sayTask(task.type);
  }

  async function end(entry) {
    ended = true;
    const task = entry.status === "failed" ? await call("GET", `/v1/tasks/${taskId}`, null, { signal }).catch(() => null) : null;
    if (!signal.aborted) onEnd({ status: entry.status, why: task?.error_message || entry.detail, asked: order?.asked ?? null });
  }

  async function stop() {
    cancel.disabled = true;
    cancel.textContent = "Cancelling";
    try {
      await call("DELETE", `/v1/tasks/${taskId}`);
    } catch (failure) {
      if (ended) return;
      sentence.textContent = failure.status === 409 ? "Too late to cancel; it is almost done." : failure.message;
      cancel.textContent = "Cancel";
      cancel.disabled = failure.status === 409;
    }
  }

  run();
  return h("section", { class: "task", "aria-label": "Being made" },
    h("div", { class: "task-head" }, what, cancel), gauge, h("div", { class: "gauge-line" }, sentence, share));
}

/** What became of a task as a sentence, and whether it is bad: `made` is the number of versions that it left. */
export function endingOf({ status, why, asked }, made, { quota = false } = {}) {
  const some = made === 1 ? "One new version is ready." : `${made} new versions are ready.`;
  if (status === "succeeded" && asked && made < asked) return { bad: true, words: `${some} ${asked - made === 1 ? "One more could not be made" : `${asked - made} more could not be made`}${quota ? ", and is not counted against your month" : ""}.` };
  if (status === "succeeded") return { bad: false, words: some };
  if (status === "cancelled") return { bad: false, words: `You stopped it.${quota ? " It does not count against your month." : ""}` };
  if (status === "lost") return { bad: true, words: `${why} What is being made goes on.` };
  return { bad: true, words: `${(why || "It could not be made").replace(/\.$/, "")}.${quota ? " Nothing was counted against your month." : ""}` };
}
