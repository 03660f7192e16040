// Builds elements without markup strings, so nothing a person typed is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("p", {class: "soft", on: {click: f}}, "text", child)`. Null and false are left out. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (name === "vars") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts `children` in the place of what is in `element`. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return element;
}

/** A line drawing for a button; `path` is SVG path data on a 24 by 24 field. */
export function icon(path, size = 22) {
  return svg("svg", { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", focusable: "false" }, svg("path", { d: path }));
}

/** Says a sentence to screen readers. */
export function announce(sentence) {
  const live = document.getElementById("live");
  if (live.textContent !== sentence) live.textContent = sentence;
}

/** Shows a short sentence for six seconds. */
export function toast(sentence) {
  const note = h("div", { class: "toast" }, sentence);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}
