// What can be done with a style of one's own: another name, and its end.

import { call } from "../api.js";
import { h, toast } from "../dom.js";
import { fieldForm, lineField } from "./fields.js";
import { modal } from "./modal.js";
import { confirmed } from "./states.js";

/** The buttons below an own style; `onRenamed(name)` and `onGone()` tell what became of it. */
export function ownedActs({ style, signal, onRenamed, onGone }) {
  const path = `/v1/me/templates/${style.id}`;
  const quiet = (words, press) => h("button", { class: "button button-quiet", type: "button", "aria-label": `${words} ${style.name}`, on: { click: press } }, words);

  function rename() {
    const name = lineField("own", "name", "Name", style.name, { needed: "Give the style a name.", maxlength: 80 });
    const act = async (values) => {
      await call("PATCH", path, values, { signal });
      dialog.close();
      onRenamed(values.name);
    };
    const dialog = modal({ title: "Rename this style", body: fieldForm({ fields: [name], label: "Rename", busy: "Renaming", act }), signal });
    name.input.select();
  }

  async function remove() {
    const sure = await confirmed({ question: `Delete the style “${style.name}”?`, explanation: "Covers that were made in it stay as they are.", yes: "Delete" });
    if (!sure) return;
    try {
      await call("DELETE", path);
    } catch (failure) {
      if (failure.status !== 404) return toast(failure.message);
    }
    toast("The style is deleted.");
    onGone();
  }

  return h("div", { class: "style-acts" }, quiet("Rename", rename), quiet("Delete", remove));
}
