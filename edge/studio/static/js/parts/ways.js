// The ways to sign in: the password, and other providers.

import { call } from "../api.js";
import { h, show, toast } from "../dom.js";
import { sayAgo } from "../words.js";
import { fieldForm, passwordField } from "./fields.js";
import { done, part, quiet, row, rows } from "./rows.js";

/** How one signs in, and how another way is added; `ended()` is called when other sessions have ended. */
export function ways(signal, ended) {
  const remove = (found, read) => done(() => call("DELETE", `/v1/me/identities/${found.id}`), `${found.title} is removed.`, read);
  return part({
    title: "How you sign in", about: "A new password ends every other session.", signal, path: "/v1/me/identities",
    draw: ({ items, has_password }, read) => [
      rows(items.map((found) => row(found.title, [found.email, `last used ${sayAgo(found.last_used_at)}`], quiet("Remove", found.title, () => remove(found, read))))),
      more(items),
      has_password && renewing(ended),
    ],
  });
}

/** A button for each provider that is not used yet; nothing while there is none. */
function more(items) {
  const place = h("div", { class: "acts", hidden: true });
  const used = new Set(items.map(({ provider }) => provider));
  const add = ({ name, title }) => h("button", { class: "button", type: "button", on: { click: () => begin(name) } }, `Add ${title}`);
  call("GET", "/v1/auth/providers", null, { open: true }).then((page) => {
    const others = page.items.filter(({ name }) => !used.has(name));
    place.hidden = !others.length;
    show(place, others.map(add));
  }, () => {});
  return place;
}

async function begin(name) {
  try {
    const { url } = await call("POST", "/v1/me/identities", { provider: name, next: "/" });
    location.assign(url);
  } catch (failure) {
    toast(failure.message);
  }
}

/** The button that turns into the form for another password. */
function renewing(ended) {
  const place = h("div", {});
  const button = h("button", { class: "button", type: "button", on: { click: ask } }, "Change the password");

  function ask() {
    const present = passwordField("current_password", "Present password", "current-password", (value) => (value ? "" : "Enter your password."));
    const fields = [present, passwordField("new_password", "New password", "new-password")];
    show(place, fieldForm({ fields, label: "Change it", busy: "Changing it", act }));
    present.input.focus();
  }

  async function act(values) {
    await call("POST", "/v1/me/password", values);
    toast("The password is changed.");
    ended();
    show(place, button);
    button.focus();
  }

  show(place, button);
  return place;
}
