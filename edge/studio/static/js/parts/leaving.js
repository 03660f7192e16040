// What is kept of an account, as a file, and its end.

import { call } from "../api.js";
import { h, toast } from "../dom.js";
import { forget, fresh } from "../session.js";
import { fieldForm, passwordField } from "./fields.js";
import { modal } from "./modal.js";
import { part } from "./rows.js";

const DATA = "/v1/me/data";
const LOST = "Your covers, edits, files, styles and keys are deleted for good, and links to your covers stop working. Nobody can bring them back.";

/** The part of the account's page from which everything that is kept is downloaded. */
export function ownData() {
  const save = h("button", { class: "button", type: "button", on: { click: () => download(save) } }, "Download my data");
  return h("section", { class: "settings-part", "aria-label": "Your data" }, h("h2", { class: "part-title" }, "Your data"),
    h("p", { class: "soft" }, "Everything that is kept about you as one file (JSON). Pictures are in it by their addresses: download those that you want to keep."),
    h("div", { class: "settings-body" }, save));
}

async function download(button) {
  button.disabled = true;
  try {
    await fresh();
    h("a", { href: DATA, download: "covergen-data.json" }).click();
  } catch {
    toast("No connection. Try again when you are back.");
  } finally {
    button.disabled = false;
    button.focus();
  }
}

/** The part of the account's page that ends the account. */
export function farewell(signal) {
  return part({
    title: "Delete the account", about: LOST, signal, path: "/v1/me/identities",
    draw: ({ has_password }) => h("button", { class: "button", type: "button", on: { click: () => ask(has_password, signal) } }, "Delete my account"),
  });
}

function ask(proven, signal) {
  const password = passwordField("password", "Your password", "current-password", (value) => (value ? "" : "Enter your password."));
  const body = fieldForm({ fields: proven ? [password] : [], label: "Delete my account", busy: "Deleting", grave: true, act });
  const about = proven ? LOST : `${LOST} You sign in without a password, so this works within ten minutes of signing in.`;
  const dialog = modal({ title: "Delete your account?", about, body, signal });
  if (proven) password.input.focus();

  async function act(values) {
    await call("DELETE", "/v1/me", values);
    dialog.close();
    location.hash = "#/"; // whoever signs in next begins at the beginning
    forget(true);
    toast("Your account is deleted.");
  }
}
