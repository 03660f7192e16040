// The month's allowance: read once, shown in the masthead, asked for by the studio.

import { call } from "../api.js";
import { h, svg, show } from "../dom.js";
import { sayDay } from "../words.js";

const listeners = new Set();
let known = null;

/** The last quota that was read: `{used, reserved, limit, tier, resets_at}`, or null. */
export const quota = () => known;

/** Covers that may still be begun. */
export const left = () => (known ? Math.max(0, known.limit - known.used - known.reserved) : null);

/** Reads the quota again; what cannot be read leaves the last one standing. */
export async function readQuota() {
  const fresh = await call("GET", "/v1/me/quota").catch(() => null);
  if (fresh) known = fresh;
  for (const listener of listeners) listener(known);
}

/** Forgets the quota of who was signed in. */
export function dropQuota() {
  known = null;
}

/** Calls `listener(quota)` after every reading, until `signal` is aborted. */
export function onQuota(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

/** Why no cover can be begun, in a sentence; empty when one can. */
export function outSentence() {
  if (left() !== 0) return "";
  const making = known.reserved ? ` (${known.reserved} of them being made now)` : "";
  return `All ${known.limit} covers of this month are used${making}. You can make more from ${sayDay(known.resets_at)}.`;
}

/** The meter for the masthead. */
export function meter() {
  const box = h("div", { class: "quota", hidden: true });
  onQuota((now) => {
    box.hidden = !now;
    if (!now) return;
    const share = (count) => (now.limit ? Math.min(100, (100 * count) / now.limit) : 100);
    box.classList.toggle("is-out", left() === 0);
    box.title = `${now.used} of ${now.limit} made this month; starts again on ${sayDay(now.resets_at)}`;
    show(box,
      h("span", {}, `${left()} of ${now.limit} `, h("span", { class: "quota-word" }, "covers "), "left"),
      svg("svg", { class: "quota-bar", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { class: "quota-rail", width: 100, height: 3 }),
        svg("rect", { class: "quota-held", width: share(now.used + now.reserved), height: 3 }),
        svg("rect", { class: "quota-used", width: share(now.used), height: 3 })));
  });
  return box;
}
