// What a file says of its origin, as the API read it, for people.

import { h } from "../dom.js";
import { sayAction, sayProblem, saySource } from "../says.js";
import { sayTime } from "../words.js";

/** The answer of `POST /v1/verify` or of a cover's provenance. */
export function credentials(found) {
  const { mark, line, more } = verdict(found);
  return h("div", { class: "credentials" },
    h("p", { class: `verdict ${mark}` }, h("strong", {}, line), more && h("span", {}, more)),
    (found.found || found.ai_labels.length > 0) && facts(found));
}

function verdict({ found, valid, trusted, issuer, ai_labels, problems }) {
  if (!found) return { mark: "", line: "No content credentials", more: ai_labels.length ? "But it has a label, which anybody can write." : "That says nothing about where it comes from: most files have none." };
  const told = [...new Set(problems.map(sayProblem))].join(" ");
  if (!valid) return { mark: "is-bad", line: "The credentials do not hold", more: told || "They are broken, or about another picture." };
  if (!trusted) return { mark: "", line: "Signed, and unchanged since", more: `It names ${issuer ?? "nobody"} as the signer, whom this server does not know, so anybody may have signed it.` };
  return { mark: "is-good", line: "Signed, and unchanged since", more: `By ${issuer ?? "a signer"} whom this server trusts.` };
}

function facts(found) {
  const rows = [
    ["Signer", found.issuer],
    ["Signed", found.signed_at && sayTime(found.signed_at)],
    ["Program", found.claim_generator],
    ["Title", found.title],
    ["Origin", found.digital_source_type && saySource(found.digital_source_type)],
    ["What was done", found.actions.length > 0 && h("ol", { class: "deeds" }, found.actions.map((action) => deed(action, found.digital_source_type)))],
    ["Made from", found.ingredients.length > 0 && h("ul", { class: "deeds" }, found.ingredients.map(ingredient))],
    ["AI labels", found.ai_labels.length > 0 && h("ul", { class: "deeds" }, found.ai_labels.map(label))],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** One thing that was done; its origin is told where it is not that of the whole. */
function deed({ action, when, software_agent, digital_source_type: source }, origin) {
  const aside = [software_agent, source && source !== origin && saySource(source), when && sayTime(when)].filter(Boolean).join(" · ");
  return h("li", {}, sayAction(action), aside && h("span", { class: "small soft" }, aside));
}

function ingredient({ title, credentials: own, claim_generator }) {
  return h("li", {}, title ?? "A picture without a name", h("span", { class: "small soft" }, own ? `with credentials of its own${claim_generator ? `, by ${claim_generator}` : ""}` : "without credentials"));
}

function label({ scheme, value }) {
  const iptc = scheme === "iptc";
  return h("li", {}, iptc ? saySource(value) : `Marked as AI-made (${value})`, h("span", { class: "small soft" }, iptc ? "IPTC" : "China, GB 45438"));
}
