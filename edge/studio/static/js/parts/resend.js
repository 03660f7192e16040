// The mail that proves an address, once more.

import { call } from "../api.js";
import { h, show } from "../dom.js";
import { current } from "../session.js";

/** The button that sends the mail again by which who is signed in proves the address. */
export function resend({ main = false, signal = null } = {}) {
  const said = h("p", { class: "soft", role: "status" });
  const send = h("button", { class: main ? "button button-main" : "button button-wide", type: "button" }, "Send it again");
  send.addEventListener("click", async () => {
    if (send.disabled) return;
    send.disabled = true;
    show(said, "Sending.");
    try {
      await call("POST", "/v1/auth/verify-email/mail", null, { signal });
      show(said, `If ${current()?.user.email ?? "your address"} is not confirmed yet, a mail with a new link is on its way. There is at most one a minute.`);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      show(said, failure.message);
      send.disabled = false;
    }
  });
  return h("div", { class: "slip" }, send, said);
}
