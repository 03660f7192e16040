// "Save as my style": a cover's style with other colours or type, under a name of one's own.

import { begin, newKey } from "../api.js";
import { h, toast } from "../dom.js";
import { PAIRINGS } from "../words.js";
import { choiceField, fieldForm, lineField } from "./fields.js";
import { modal } from "./modal.js";
import { paletteField } from "./palette.js";

/** Opens the dialog that keeps the style of `recipe`. */
export function keepStyle(recipe, signal) {
  const { style_params: style, template_id } = recipe;
  const order = { colours: [...style.palette] };
  const name = lineField("keep", "name", "Name", `My ${recipe.template_name}`.slice(0, 80), { needed: "Give the style a name.", maxlength: 80 });
  const type = choiceField("keep", "typography", "Type", PAIRINGS, style.typography);
  const palette = paletteField({ own: style.palette, colours: style.palette, locked: true, onChange: (colours) => { order.colours = [...colours]; } });
  const key = { said: "", value: newKey() };

  async function act(values) {
    const body = { template_id, name: values.name, customizations: { ...style, palette: order.colours, typography: values.typography } };
    const said = JSON.stringify(body);
    if (key.said !== said) Object.assign(key, { said, value: newKey() });
    await begin("/v1/me/templates", body, key.value, signal);
    dialog.close();
    toast(`${values.name} is saved. It is among the styles under “Yours”.`);
  }

  const colours = h("fieldset", { class: "field" }, h("legend", { class: "field-name" }, "Colours"), palette.element);
  const form = fieldForm({ fields: [name, type], label: "Save the style", busy: "Saving it", act });
  form.querySelector("button[type=submit]").before(colours);
  const dialog = modal({ title: "Save as my style", about: "For your next covers: the same art with these colours and this type.", body: form, signal });
  name.input.select();
}
