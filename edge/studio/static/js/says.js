// What was measured and recorded of a picture, in plain words.

import { FORMATS } from "./words.js";

const MADE = {
  order: ({ variation }, count) => (count > 1 ? `Picture ${variation} of ${count}` : "The first one"),
  variation: ({ parent }) => `More like ${parent}`,
  retype: ({ parent }) => `New words on ${parent}`,
  format: ({ parent, recipe }) => `${FORMATS[recipe?.format]?.name ?? "Another format"} of ${parent}`,
  regenerate: ({ parent }) => `${parent} made again`,
  edit: ({ parent }) => (parent ? `Edited from ${parent}` : "Edited"),
};
const SHORT = { order: "", variation: "More like it", retype: "Words", format: "Format", regenerate: "Again", edit: "Edit" };

/** What made a version, in a few words: "New words on 2". */
export function sayMade(version, versions) {
  const count = versions.filter(({ task_id }) => task_id === version.task_id).length;
  return (MADE[version.kind] ?? MADE.order)(version, count);
}

/** The same in a word. */
export const sayKind = ({ kind, recipe }) => (kind === "format" ? FORMATS[recipe?.format]?.name : SHORT[kind]) ?? SHORT.order;

/** How well a text of this WCAG 2 contrast ratio reads. */
export function sayContrast(ratio) {
  const how = ratio >= 7 ? "Stands out clearly" : ratio >= 4.5 ? "Reads well" : ratio >= 3 ? "Reads well in large letters" : "Hard to read";
  return `${how}, ${ratio.toFixed(1)} : 1`;
}

/** How the title reads in a shop's list. */
export function sayThumbnail({ legible, contrast, height_px }) {
  const how = legible ? "The title can be read" : "The title is hard to read";
  return `${how} at 100 × 150 pixels: letters ${height_px.toFixed(1)} pixels tall, ${contrast.toFixed(1)} : 1`;
}

/** Whether a picture that was made again is the same, and why not; empty where that is not known. */
export function sayReproduced({ kind, parent, reproduced, recipe }) {
  if (kind !== "regenerate" || reproduced === null || reproduced === undefined) return "";
  if (reproduced) return `It is the same as version ${parent}, to the byte.`;
  const why = recipe?.painting?.reproducible === false ? "its model does not paint the same twice" : "the painter or the rules of the type have changed since";
  return `It is not the same as version ${parent} to the byte: ${why}.`;
}

/** What an entry of an edit's history did. */
export const sayOperation = (entry) => ({ adjust: "light and colour", inpaint: "a part repainted", erase: "a part removed", replace: "a part replaced", expand: "made larger" })[entry?.op] ?? "a change";

/** What a task does, in a few words, when this tab does not know what was ordered. */
export const sayTask = (type) => ({ generate: "The cover", vary: "More like it", retype: "New words", remake: "Another print", edit: "An edit", export: "Files" })[type] ?? "A new version";

const ACTIONS = {
  created: "Made", edited: "Edited", opened: "Opened", placed: "Put together from parts", converted: "Converted", resized: "Resized", cropped: "Cropped", drawing: "Drawn on",
  color_adjustments: "Colours adjusted", published: "Published", watermarked: "Watermarked", transcoded: "Converted", addedText: "Text added", added_text: "Text added", filtered: "Filtered",
};
const SOURCES = {
  trainedAlgorithmicMedia: "Made by an AI model", compositeWithTrainedAlgorithmicMedia: "Put together, with parts made by an AI model", algorithmicMedia: "Made by a program, not by a trained model",
  algorithmicallyEnhanced: "A picture that a program improved", compositeSynthetic: "Put together, with parts made by a program", composite: "Put together from several pictures", digitalCapture: "Taken with a camera",
  digitalArt: "Made by a person on a computer", digitalCreation: "Made by a person on a computer", humanEdits: "Edited by a person", dataDrivenMedia: "Made from data", compositeCapture: "Put together from photographs",
};
const PROBLEMS = [
  [/dataHash\.mismatch|hashedURI\.mismatch|bmffHash|boxesHash/, "The picture was changed after it was signed."],
  [/signingCredential\.untrusted/, "This server does not know the signer."],
  [/signingCredential\.(expired|invalid|ocsp|revoked)/, "The signer’s certificate is not good any more."],
  [/claimSignature\.mismatch/, "The signature does not fit."],
  [/timeStamp/, "The time of signing is not certain."],
];
const lastWord = (text) => text.split(/[/.]/).at(-1);

/** What was done, from a word of C2PA such as `c2pa.created`. */
export const sayAction = (action) => ACTIONS[action.replace(/^c2pa\./, "")] ?? action;

/** Where a picture comes from, from a word of IPTC's vocabulary. */
export const saySource = (source) => SOURCES[lastWord(source)] ?? lastWord(source);

/** What is wrong with credentials, from a code of C2PA. */
export const sayProblem = (code) => PROBLEMS.find(([pattern]) => pattern.test(code))?.[1] ?? code;
