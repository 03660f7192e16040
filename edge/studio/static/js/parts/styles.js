// Choosing a style: chips of categories, a search, and a wall of small covers that works as one radio group.

import { list } from "../api.js";
import { announce, h, icon, show } from "../dom.js";
import { loadInView } from "../pictures.js";
import { sketch } from "../sketch.js";
import { ownedActs } from "./owned.js";
import { failed } from "./states.js";

const GLASS = "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 21 21";
const PAGE = 14;
const MINE = "@mine";

/** The chooser; `chosen` is a template or null for "choose for me", `onChoose(template)` tells of another. */
export function styleChooser({ chosen, onChoose, signal }) {
  const chips = h("div", { class: "chips", id: "kinds", role: "group", "aria-label": "Kinds of style" });
  const fold = h("button", { class: "button button-quiet styles-fold", type: "button", "aria-expanded": "false", "aria-controls": "kinds" }, "All kinds");
  const tools = h("div", { class: "styles-tools is-folded" });
  const search = h("input", { class: "input", type: "search", placeholder: "Search styles", "aria-label": "Search styles", maxlength: 100, autocomplete: "off" });
  const wall = h("div", { class: "styles", role: "radiogroup", "aria-label": "Style" });
  const foot = h("div", { class: "more" });
  const names = new Map([[MINE, "Yours"]]);
  const wanted = { category: null, q: "" };
  let turn = 0;
  let timer = 0;

  async function readCategories() {
    const [answer, own] = await Promise.all([list("/v1/templates/categories", {}, signal), list("/v1/me/templates", { limit: 1 }, signal)].map((asked) => asked.catch(() => null)));
    if (!answer) return;
    for (const category of answer.items) names.set(category.slug, category.name);
    const total = answer.items.reduce((sum, category) => sum + category.count, 0);
    show(chips, chip(null, "All", total), own?.items.length && chip(MINE, "Yours"), answer.items.filter((category) => category.count).sort((one, other) => other.count - one.count).map(({ slug, name, count }) => chip(slug, name, count)));
    for (const kind of wall.querySelectorAll("[data-kind]")) kind.textContent = names.get(kind.dataset.kind) ?? kind.dataset.kind;
  }

  function chip(slug, name, count = "") {
    const press = () => {
      wanted.category = slug;
      for (const other of chips.children) mark(other, other === button);
      read();
    };
    const button = h("button", { class: "chip", type: "button", on: { click: press } }, name, " ", h("span", { class: "chip-count" }, count));
    mark(button, slug === wanted.category);
    return button;
  }

  /** The kinds are one stop of the Tab key, since there are many; arrow keys go from one to the next. */
  function mark(button, on) {
    button.setAttribute("aria-pressed", String(on));
    button.tabIndex = on ? 0 : -1;
  }

  function walk(event) {
    const all = [...chips.children];
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step ? all[all.indexOf(event.target) + step] : { Home: all[0], End: all.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  async function read(cursor = null) {
    const mine = (turn += 1);
    if (!cursor) show(wall, Array.from({ length: 11 }, () => h("div", {}, h("div", { class: "style-sheet bone" }))));
    show(foot);
    try {
      const page = wanted.category === MINE ? await readOwn(cursor) : await list("/v1/templates", { ...wanted, limit: PAGE, cursor }, signal);
      if (mine !== turn) return;
      draw(page, cursor !== null);
    } catch (failure) {
      if (mine !== turn || signal.aborted) return;
      if (!cursor) show(wall);
      show(foot, failed(failure, () => read(cursor)));
    }
  }

  /** Own styles as if they were templates; they are not searched by the server, so here by their name. */
  async function readOwn(cursor) {
    const page = await list("/v1/me/templates", { limit: PAGE, cursor }, signal);
    const items = page.items.map((own) => ({ id: own.id, name: own.name, category: MINE, style_params: own.customizations, is_premium: false }));
    return { ...page, items: items.filter(({ name }) => name.toLowerCase().includes(wanted.q.toLowerCase())) };
  }

  function draw(page, added) {
    const plain = !wanted.category && !wanted.q;
    if (!added) show(wall, plain && anyStyle(), plain && chosen && !page.items.some((item) => item.id === chosen.id) && card(chosen));
    const cards = page.items.map(card);
    wall.append(...cards);
    if (added) cards[0]?.querySelector("input").focus(); // the button that was pressed is gone
    if (!page.items.length && !plain) show(foot, nothing());
    if (page.next_cursor) show(foot, h("button", { class: "button", type: "button", on: { click: () => read(page.next_cursor) } }, "More styles"));
    if (!plain) announce(`${wall.children.length} styles`);
  }

  function nothing() {
    const back = () => { search.value = wanted.q = ""; chips.firstElementChild?.click(); search.focus(); };
    return h("div", { class: "void styles-none" }, h("p", {}, wanted.q ? `No style is called “${wanted.q}”.` : "There is no style here."), h("button", { class: "button", type: "button", on: { click: back } }, "Show all styles"));
  }

  function anyStyle() {
    return h("label", { class: "style" }, radio(null), h("span", { class: "style-sheet style-any" }, "Choose for me"),
      h("span", { class: "style-name" }, "By your words"), h("span", { class: "style-kind" }, "The best fit"));
  }

  function card(template) {
    const { family, palette } = template.style_params;
    const sheet = h("span", { class: "style-sheet" }, sketch({ family, palette, seed: template.id }).art);
    if (template.thumbnail_url) addThumbnail(sheet, template.thumbnail_url);
    const element = h("label", { class: "style" }, radio(template), sheet, template.is_premium && h("span", { class: "style-badge" }, "Pro"),
      h("span", { class: "style-name", dir: "auto" }, template.name),
      h("span", { class: "style-kind", "data-kind": template.category }, names.get(template.category) ?? template.category));
    return template.category === MINE ? h("div", { class: "style-own" }, element, ownedActs({ style: template, signal, onRenamed: (name) => renamed(template, name), onGone: () => gone(template) })) : element;
  }

  function renamed(template, name) {
    if (chosen?.id === template.id) choose({ ...template, name });
    read();
  }

  function gone(template) {
    if (chosen?.id === template.id) choose(null);
    if (wall.querySelectorAll(".style-own").length > 1) return read();
    wanted.category = null; // it was the last of one's own
    readCategories();
    read();
    search.focus();
  }

  function choose(template) {
    chosen = template;
    onChoose(template);
  }

  function radio(template) {
    return h("input", { type: "radio", name: "style", value: template?.id ?? "", checked: (chosen?.id ?? null) === (template?.id ?? null), on: { change: () => choose(template) } });
  }

  fold.addEventListener("click", () => {
    const folded = tools.classList.toggle("is-folded");
    fold.textContent = folded ? "All kinds" : "Fewer kinds";
    fold.setAttribute("aria-expanded", String(!folded));
    if (folded) chips.scrollTop = 0;
  });
  chips.addEventListener("keydown", walk);
  chips.addEventListener("focusin", (event) => {
    if (tools.classList.contains("is-folded") && event.target.offsetTop - chips.offsetTop > 20) fold.click();
  });
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { wanted.q = search.value.trim(); read(); }, 250);
  });
  search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  readCategories();
  read();
  tools.append(h("div", { class: "styles-search" }, icon(GLASS, 17), search), fold, chips);
  return [tools, wall, foot];
}

function addThumbnail(sheet, url) {
  const image = h("img", { alt: "", hidden: true, decoding: "async" });
  image.addEventListener("load", () => { image.hidden = false; sheet.querySelector(".art")?.remove(); });
  sheet.append(image);
  loadInView(image, url, () => image.remove(), sheet);
}
