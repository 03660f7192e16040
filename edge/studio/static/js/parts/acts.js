// What can be done with a cover as a whole: keep its file, begin another like it, delete it.

import { begin, call, check, newKey } from "../api.js";
import { h, toast } from "../dom.js";
import { draftFrom } from "../draft.js";
import { pictureOf } from "../versions.js";
import { fileName } from "../words.js";
import { confirmed } from "./states.js";

/** A press that begins a new order from a cover. */
export const another = (found) => () => { draftFrom(found); location.hash = "#/"; };

/** Saves the picture of a version; `button` cannot be pressed meanwhile. */
export async function download(found, version, button) {
  button.disabled = true;
  try {
    const name = fileName(found.title);
    await downloadFrom(pictureOf(found, version), version.version === found.shown_version ? name : name.replace(/\.png$/, `-${version.version}.png`));
  } catch (failure) {
    toast(failure.message);
  } finally {
    button.disabled = false;
  }
}

/** Saves the file at `path` under `name`, once it is known that there is one. Raises Failure. */
export async function downloadFrom(path, name) {
  await check(path);
  h("a", { href: path, download: name }).click();
}

/** Begins to edit the chosen picture by hand; `button` cannot be pressed meanwhile. */
export async function editByHand(found, button) {
  button.disabled = true;
  try {
    const session = await begin("/v1/edits", { cover_id: found.cover_id }, newKey(), null);
    location.hash = `#/edits/${session.edit_id}`;
  } catch (failure) {
    toast(failure.message);
    button.disabled = false;
  }
}

/** What is left to do with a cover that was not made. */
export function undone(found) {
  const what = found.status === "cancelled" ? "This cover was cancelled." : "This cover could not be made.";
  return [h("p", { class: "notice" }, what), h("div", { class: "acts" },
    h("button", { class: "button button-main", type: "button", on: { click: another(found) } }, "Try again"),
    h("button", { class: "button button-quiet", type: "button", on: { click: () => remove(found) } }, "Delete"))];
}

/** Deletes a cover after asking; resolves to whether it is gone. */
export async function remove(found, stay = false) {
  const sure = await confirmed({ question: `Delete “${found.title}”?`, explanation: "The cover and all its versions are removed for good. Downloads that you have kept stay yours.", yes: "Delete" });
  if (!sure) return false;
  try {
    await call("DELETE", `/v1/covers/${found.cover_id}`);
  } catch (failure) {
    if (failure.status !== 404) {
      toast(failure.message);
      return false;
    }
  }
  toast("The cover is deleted.");
  if (!stay) location.hash = "#/covers";
  return true;
}
