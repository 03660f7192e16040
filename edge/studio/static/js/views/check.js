// What a file says of its origin: for anybody, signed in or not.

import { call } from "../api.js";
import { announce, h, show } from "../dom.js";
import { credentials } from "../parts/credentials.js";
import { dropPlace, drawn, formOf } from "../parts/drop.js";
import { current } from "../session.js";

const MOST = 32 * 1024 * 1024;
const WHOLE = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 });

/** The view that checks a file. */
export function verifying({ signal }) {
  const heading = h("h1", { class: "headline", tabindex: "-1" }, "Check a file");
  const result = h("section", { class: "checked", "aria-label": "What the file says", "aria-live": "polite", hidden: true });
  const place = dropPlace({ label: "Choose a picture, or drop one here", hint: "PNG, JPEG, WebP or another file with content credentials. It is read and not kept.", accept: "image/*,.pdf,.c2pa", onFile: take });
  let asking = null;

  async function take(file) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    place.busy(true);
    result.hidden = false;
    show(result, about(file), h("p", { class: "soft" }, "Reading the file."));
    const picture = drawn(file);
    try {
      if (file.size > MOST) throw new Error("The file is too large to be checked here.");
      const found = await call("POST", "/v1/verify", formOf(file), { open: !current(), signal: AbortSignal.any([signal, mine.signal]) });
      await draw(file, picture, credentials(found));
      announce("The file is read.");
    } catch (failure) {
      if (signal.aborted || mine.signal.aborted) return;
      await draw(file, picture, h("p", { class: "notice notice-alarm", role: "alert" }, failure.message));
    } finally {
      if (asking === mine) place.busy(false);
    }
  }

  async function draw(file, picture, words) {
    const canvas = await picture;
    canvas?.setAttribute("role", "img");
    canvas?.setAttribute("aria-label", "The picture");
    show(result, h("div", { class: "checked-file" }, canvas, about(file)), h("div", {}, words));
  }

  const element = h("div", { class: "hall checking" }, h("div", { class: "hall-head" }, heading),
    h("p", { class: "lead" }, "A picture may carry content credentials: who signed it, what it was made with and from, and whether it was changed since. Every cover made here has them."),
    place.element, result);
  return { element, title: "Check a file", heading };
}

const about = (file) => h("p", { class: "small" }, h("strong", {}, file.name), h("span", { class: "soft" }, ` ${sizeOf(file.size)}`));

function sizeOf(bytes) {
  return bytes < 1e6 ? `${WHOLE.format(Math.max(1, bytes / 1e3))} kB` : `${WHOLE.format(bytes / 1e6)} MB`;
}
