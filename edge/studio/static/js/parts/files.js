// Files of a cover for the places where it will be used: ordered, checked against each place's rules, downloaded.

import { begin, list, newKey } from "../api.js";
import { h, show } from "../dom.js";
import { rememberMaking } from "../draft.js";
import { chosenOf, formatOf } from "../versions.js";
import { FORMATS, sayTime } from "../words.js";
import { summary } from "./details.js";
import { fieldForm } from "./fields.js";
import { failed } from "./states.js";
import { taskWatch } from "./watch.js";

const KINDS = { "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP" };
const SHAPES_DIFFER = 0.005;
const SHOWN = 5;

/** The fold of files: `{element, draw(found)}`; what there is is read when it is opened. */
export function files(signal) {
  const order = h("div", {});
  const work = h("div", {});
  const told = h("div", { role: "status" });
  const prints = h("div", { class: "prints" });
  const element = h("details", { class: "act-fold" }, summary("Files for shops", "In sizes that fit, checked"), h("div", { class: "act-body" }, order, work, told, prints));
  const key = { order: "", value: newKey() };
  const state = { found: null, drawn: "", presets: null, task: null };

  async function open() {
    try {
      state.presets ??= (await list("/v1/exports/presets", {}, signal)).items;
      form();
      await read();
    } catch (failure) {
      if (!signal.aborted) show(order, failed(failure, open));
    }
  }

  async function read() {
    const page = await list("/v1/exports", { cover_id: state.found.cover_id, limit: SHOWN }, signal);
    show(prints, page.items.filter(({ status }) => status === "ready").map(print));
    const running = page.items.find(({ status }) => status === "rendering");
    if (running) watch(running.task_id);
  }

  /** The form is drawn anew only for another shape, so that no tick is lost. */
  function form() {
    const format = formatOf(state.found, chosenOf(state.found));
    if (state.drawn === format) return;
    state.drawn = format;
    const picked = new Set();
    const boxes = state.presets.filter((preset) => fits(preset, FORMATS[format].pixels)).map((preset) => {
      const box = h("input", { type: "checkbox", value: preset.name, on: { change: () => (box.checked ? picked.add(preset.name) : picked.delete(preset.name)) } });
      return h("label", { class: "check" }, box, h("span", { class: "file-kind" }, preset.title, h("small", {}, aboutPreset(preset))));
    });
    show(order, h("fieldset", { class: "checks" }, h("legend", { class: "sr-only" }, "Files"), boxes), fieldForm({ fields: [], label: "Make the files", busy: "Sending it off", act: () => send([...picked]) }));
  }

  async function send(presets) {
    if (!presets.length) throw new Error("Choose at least one file.");
    if (state.task) throw new Error("Files are being made. Wait for them, or cancel them.");
    const body = { cover_id: state.found.cover_id, presets };
    const said = JSON.stringify(body);
    if (key.order !== said) Object.assign(key, { order: said, value: newKey() });
    try {
      const accepted = await begin("/v1/exports", body, key.value, signal);
      key.order = "";
      rememberMaking(accepted.task_id, { what: presets.length === 1 ? "One file" : `${presets.length} files` });
      watch(accepted.task_id);
    } catch (failure) {
      if (!failure.passing) key.order = "";
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
      await read().catch(() => {});
      const bad = status === "failed" || status === "lost";
      const words = { succeeded: "The files are ready.", cancelled: "You stopped it." }[status] ?? (why || "The files could not be made.");
      if (!signal.aborted) show(told, h("p", { class: bad ? "notice notice-alarm" : "notice" }, words));
    };
    show(work, taskWatch({ taskId, signal, onEnd }));
  }

  element.addEventListener("toggle", () => element.open && open());
  return { element, draw(found) { state.found = found; if (element.open && state.presets) form(); } };
}

/** The server refuses what would have to be cropped or enlarged, so it is not offered. */
function fits({ width, height }, [w, tall]) {
  return !width || !height || (Math.abs((w * height) / (tall * width) - 1) <= SHAPES_DIFFER && w >= width);
}

function aboutPreset({ media_type, width, height, longest }) {
  const size = width ? `${width} × ${height} pixels` : longest ? `at most ${longest} pixels` : "as it is";
  return `${KINDS[media_type] ?? media_type}, ${size}`;
}

function print(found) {
  return h("div", {}, h("p", { class: "small soft" }, sayTime(found.created_at)), h("ul", { class: "rows" }, found.files.map((file) => {
    const broken = file.checks.filter(({ ok }) => !ok);
    const facts = [`${file.width} × ${file.height}`, file.dpi && `${file.dpi} dpi`, `${Math.max(1, Math.round(file.size / 1000)).toLocaleString("en-GB")} kB`, broken.length ? broken.map(({ detail }) => detail).join(", ") : "keeps every rule"];
    return h("li", { class: "row" }, h("div", { class: "row-text" }, h("strong", {}, file.name), h("span", { class: "small soft" }, facts.filter(Boolean).join(" · "))), h("a", { class: "button", href: file.url, download: file.name, "aria-label": `Download ${file.name}` }, "Download"));
  })));
}
