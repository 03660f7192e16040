// What is being typed and what is being made, kept for this tab so that a reload loses nothing.

const DRAFT = "covergen.draft";
const MAKING = "covergen.making.";
const EMPTY = { title: "", subtitle: "", author: "", prompt: "", format: "ebook", style: null };

/** The draft on the bench: the words, the format and the chosen style (a template or null). */
export const readDraft = () => ({ ...EMPTY, ...read(DRAFT) });

/** Keeps the draft. */
export const writeDraft = (draft) => sessionStorage.setItem(DRAFT, JSON.stringify(draft));

/** Begins with an empty draft. */
export const clearDraft = () => sessionStorage.removeItem(DRAFT);

/** Begins a draft from a cover that was made, for another one like it. */
export function draftFrom(cover) {
  const style = { id: cover.recipe.template_id, name: cover.recipe.template_name, category: "", style_params: cover.recipe.style_params, is_premium: false };
  writeDraft({ ...EMPTY, title: cover.title, subtitle: cover.subtitle ?? "", author: cover.author ?? "", format: cover.format, style });
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
