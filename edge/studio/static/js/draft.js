// What is being typed and what is being made, kept for this tab so that a reload loses nothing.

import { PAINTED } from "./painted.js";
import { paintedKey } from "./sketch.js";

const DRAFT = "covergen.draft";
const KIT = "covergen.kit";
const MAKING = "covergen.making.";
const EMPTY = { title: "", subtitle: "", author: "", prompt: "", format: "ebook", style: null, variations: 1, palette: [], seed: "", brand: false };

/** The draft on the bench: the words, the format, the chosen style (a template or null), own colours, what else is ordered. */
export const readDraft = () => ({ ...EMPTY, ...read(DRAFT) });

/** Keeps the draft. */
export const writeDraft = (draft) => sessionStorage.setItem(DRAFT, JSON.stringify(draft));

/** Begins with an empty draft. */
export const clearDraft = () => sessionStorage.removeItem(DRAFT);

/** What was changed of the brand kit that was saved at `from` and is not saved itself, or null. */
export function readKit(from) {
  const begun = read(KIT);
  return begun && begun.from === from ? begun.kit : null;
}

/** Remembers it while it is not saved. */
export const writeKit = (kit, from) => sessionStorage.setItem(KIT, JSON.stringify({ kit, from }));

/** Forgets it: it is saved. */
export const clearKit = () => sessionStorage.removeItem(KIT);

/** Begins a draft from a cover that was made, for another one like it: colours that are no built-in style's come along. */
export function draftFrom(cover) {
  const { template_id: id, template_name: name, style_params } = cover.recipe;
  const style = { id, name, category: "", style_params, is_premium: false };
  const palette = PAINTED.has(paintedKey(style_params)) ? [] : style_params.palette;
  writeDraft({ ...EMPTY, title: cover.title, subtitle: cover.subtitle ?? "", author: cover.author ?? "", format: cover.format, style, palette });
}

/** Remembers the words of a cover in the making, to show them while it is painted. */
export const rememberMaking = (taskId, draft) => sessionStorage.setItem(MAKING + taskId, JSON.stringify(draft));

/** The words of a cover in the making, or null when it was begun elsewhere. */
export const recallMaking = (taskId) => read(MAKING + taskId);

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}
