// The strip of a cover's versions: small pictures in a radio group, so that arrow keys go from one to the next.

import { h, show } from "../dom.js";
import { loadInView } from "../pictures.js";
import { sayKind, sayMade } from "../says.js";
import { formatOf, pictureOf } from "../versions.js";
import { shapeTo } from "./book.js";

/** The strip: `{element, draw(found, looked)}`; `onLook(number)` tells of another one. Hidden while there is one. */
export function versionStrip({ onLook }) {
  const element = h("fieldset", { class: "strip", hidden: true }, h("legend", { class: "sr-only" }, "Versions"));
  const row = h("div", { class: "strip-row" });
  const seen = new Map();
  element.append(row);

  function item(found, version) {
    const image = h("img", { alt: "", decoding: "async" });
    const sheet = h("span", { class: `strip-sheet book-${formatOf(found, version)}` }, image);
    image.addEventListener("load", () => shapeTo(sheet, image));
    const input = h("input", { type: "radio", name: "version", value: version.version });
    input.addEventListener("change", () => onLook(version.version));
    loadInView(image, pictureOf(found, version, "thumb"), () => image.remove(), sheet);
    const mark = h("span", { class: "strip-mark" });
    const element_ = h("label", { class: "strip-item" }, input, sheet,
      h("span", { class: "strip-name" }, h("span", { class: "sr-only" }, `Version ${version.version}: ${sayMade(version, found.versions)}`), h("span", { "aria-hidden": "true" }, `${version.version} `, h("span", { class: "soft" }, sayKind(version)))), mark);
    return { element: element_, input, mark };
  }

  function draw(found, looked) {
    element.hidden = found.versions.length < 2;
    if (element.hidden) return;
    for (const version of found.versions) {
      const known = seen.get(version.version) ?? item(found, version);
      seen.set(version.version, known);
      const chosen = version.version === found.shown_version;
      known.input.checked = version.version === looked;
      known.element.classList.toggle("is-chosen", chosen);
      show(known.mark, chosen && "Chosen");
      if (!known.element.isConnected) row.append(known.element);
    }
    reveal(seen.get(looked)?.element);
  }

  /** Scrolls the strip alone: `scrollIntoView` would move the page too. */
  function reveal(chosen) {
    if (!chosen) return;
    const [from, to] = [chosen.offsetLeft - row.offsetLeft, chosen.offsetLeft - row.offsetLeft + chosen.offsetWidth];
    if (from < row.scrollLeft) row.scrollLeft = from - 8;
    else if (to > row.scrollLeft + row.clientWidth) row.scrollLeft = to - row.clientWidth + 8;
  }

  return { element, draw };
}
