// An edit session: the picture as it stands, what can be done to it, and the way back.

import { begin, call, newKey } from "../api.js";
import { announce, h, icon, show } from "../dom.js";
import { rememberMaking } from "../draft.js";
import { downloadFrom } from "../parts/acts.js";
import { adjusting, filterOf } from "../parts/adjusting.js";
import { blankBook, shapeTo } from "../parts/book.js";
import { summary } from "../parts/details.js";
import { masking } from "../parts/masking.js";
import { failed } from "../parts/states.js";
import { taskWatch } from "../parts/watch.js";
import { widening } from "../parts/widening.js";
import { picture } from "../pictures.js";
import { sayOperation } from "../says.js";
import { chosenOf, formatOf } from "../versions.js";

const BACK = "M9 7 4 12l5 5M4 12h10a5 5 0 0 1 0 10h-2";
const FORTH = "M15 7l5 5-5 5M20 12H10a5 5 0 0 0 0 10h2";
const WHAT = { adjust: "Light and colour", erase: "Removing it", replace: "Replacing it", inpaint: "Repainting it", expand: "Making room" };

/** The view of an edit session. */
export function edit({ id, signal }) {
  const path = `/v1/edits/${id}`;
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Edit");
  const table = h("div", { class: "table table-cover" }, blankBook("ebook", "book-stage bone"));
  const acts = h("div", { class: "acts" });
  const work = h("div", {});
  const told = h("div", { role: "status" });
  const adjust = adjusting({ send: operate, onPreview: preview });
  const mask = masking({ send: operate, signal });
  const room = widening({ send: operate });
  const tool = (name, about, form, open = false) => h("details", { class: "act-fold", name: "tools", open }, summary(name, about), h("div", { class: "act-body" }, form.element));
  const part = tool("Change a part", "Mark it on the picture", mask);
  const folds = h("div", { class: "act-folds", hidden: true }, tool("Light and colour", "Of the whole picture", adjust, true), part, tool("More room", "The picture grows on its sides", room));
  const panel = h("section", { class: "bench-work panel panel-cover", "aria-label": "Tools" }, heading, h("p", { class: "panel-sub" }, "Every change is a step that you can undo."), acts, work, told, folds);
  const state = { session: null, cover: null, image: null, shown: null, task: null, busy: false };
  const key = { order: "", value: newKey() };

  async function read() {
    try {
      const session = await call("GET", path, null, { signal });
      if (session.cover_id) state.cover ??= await call("GET", `/v1/covers/${session.cover_id}`, null, { signal });
      if (signal.aborted) return;
      heading.textContent = state.cover ? `Edit ${state.cover.title}` : "Edit your picture";
      take(session);
    } catch (failure) {
      if (signal.aborted) return;
      if (state.session) return tell(failure.message, true);
      show(panel, heading, failed(failure, () => location.reload()));
    }
  }

  function take(session) {
    state.session = session;
    folds.hidden = false;
    draw();
    lay();
    if (session.running_task_id) watch(session.running_task_id);
  }

  function draw() {
    const { session } = state;
    const blocked = state.busy || state.task !== null;
    const way = (path_, label, press, can) => h("button", { class: "tool tool-framed", type: "button", "aria-label": label, title: label, disabled: blocked || !can, on: { click: press } }, icon(path_));
    const focus = [...acts.querySelectorAll("button")].indexOf(document.activeElement);
    show(acts, session.cover_id ? h("button", { class: "button button-main", type: "button", disabled: blocked || session.current_version === 0, on: { click: save } }, "Save to the cover")
      : h("button", { class: "button button-main", type: "button", disabled: blocked, on: { click: keepFile } }, "Download PNG"),
    way(BACK, "Undo", () => step("undo"), session.can_undo), way(FORTH, "Redo", () => step("redo"), session.can_redo),
    session.cover_id ? h("a", { class: "button button-quiet", href: `#/covers/${session.cover_id}` }, "Back to the cover") : h("a", { class: "button button-quiet", href: "#/edits" }, "All edits"));
    acts.querySelectorAll("button")[focus]?.focus();
    for (const fold of folds.children) {
      fold.classList.toggle("is-busy", blocked);
      for (const button of fold.querySelectorAll("button[type=submit]")) button.inert = blocked;
    }
  }

  async function lay() {
    const { session, cover } = state;
    const version = session.current_version;
    const caption = h("p", { class: "caption" }, version === 0 ? "As it was." : `Step ${version}: ${sayOperation(session.edit_history.find((entry) => entry.version === version))}`);
    if (state.shown === version) return;
    state.shown = version;
    try {
      const image = await picture(`${path}/image?version=${version}`, `${cover?.title ?? "The picture"}, step ${version}`);
      if (signal.aborted || state.shown !== version) return;
      state.image = image;
      show(table, shapeTo(blankBook(cover ? formatOf(cover, chosenOf(cover)) : "square", "book-stage book-flat", image, mask.over(image)), image), caption);
    } catch (failure) {
      state.shown = null;
      if (!signal.aborted) tell(failure.message, true);
    }
  }

  function preview(values) {
    const { image } = state;
    if (image) image.style.setProperty("filter", Object.keys(values).length ? filterOf(values, image.clientWidth / image.naturalWidth) : "none");
  }

  /** Sends an operation once, however often it is pressed. */
  async function operate(operation) {
    const said = JSON.stringify([state.session.current_version, operation]);
    if (key.order !== said) Object.assign(key, { order: said, value: newKey() });
    try {
      const accepted = await begin(`${path}/operations`, operation, key.value, signal);
      key.order = "";
      rememberMaking(accepted.task_id, { what: WHAT[operation.op] ?? "An edit" });
      watch(accepted.task_id);
    } catch (failure) {
      if (!failure.passing) key.order = "";
      if (failure.status === 409) read();
      throw failure;
    }
  }

  function watch(taskId) {
    if (state.task === taskId) return;
    state.task = taskId;
    show(told);
    const onEnd = async ({ status, why }) => {
      state.task = null;
      show(work);
      await read();
      if (signal.aborted) return;
      if (status === "succeeded") for (const form of [adjust, mask, room]) form.clear();
      const words = { succeeded: "Done. Undo takes it back.", cancelled: "You stopped it; the picture is as it was." }[status] ?? `${why || "It could not be done."} The picture is as it was; you can try again.`;
      tell(words, status === "failed" || status === "lost");
    };
    show(work, taskWatch({ taskId, signal, onEnd }));
    draw();
    work.firstElementChild.scrollIntoView({ block: "nearest" });
  }

  async function step(name) {
    await once(async () => {
      take(await call("POST", `${path}/${name}`, null, { key: newKey(), signal }));
      announce(name === "undo" ? "One step back." : "One step forward.");
    });
  }

  /** Ctrl or Command with Z, where it does not take back what is being typed. */
  function undoing(event) {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest?.("input:not([type=range], [type=radio]), textarea, dialog")) return;
    const [name, can] = event.shiftKey ? ["redo", state.session?.can_redo] : ["undo", state.session?.can_undo];
    if (!can || state.task !== null) return;
    event.preventDefault();
    step(name);
  }

  async function save() {
    await once(async () => {
      const saved = await begin(`${path}/save`, null, newKey(), signal);
      location.hash = `#/covers/${saved.cover_id}`;
    });
  }

  async function keepFile() {
    await once(() => downloadFrom(`${path}/image?version=${state.session.current_version}`, "picture.png"));
  }

  async function once(act) {
    if (state.busy) return;
    state.busy = true;
    draw();
    try {
      await act();
    } catch (failure) {
      if (!signal.aborted) tell(failure.message, true);
    } finally {
      state.busy = false;
      if (!signal.aborted) draw();
    }
  }

  function tell(words, bad = false) {
    show(told, h("p", { class: bad ? "notice notice-alarm" : "notice" }, words));
  }

  part.addEventListener("toggle", () => {
    table.classList.toggle("is-marking", part.open);
    if (part.open && !matchMedia("(min-width: 62rem)").matches) part.scrollIntoView({ block: "start" }); // beside the picture, not below it
  });
  document.addEventListener("keydown", undoing, { signal });
  document.addEventListener("visibilitychange", () => !document.hidden && state.session && !state.task && read(), { signal });
  read();
  return { element: h("div", { class: "bench bench-final bench-cover" }, h("section", { class: "bench-stage", "aria-label": "The picture" }, table), panel), title: "Edit", heading };
}
