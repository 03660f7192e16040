// What a view shows when there is nothing, not yet, or not at all; and the question before something is lost.

import { h } from "../dom.js";

/** A failure with a way on. */
export function failed(failure, retry) {
  return h("div", { class: "void", role: "alert" },
    h("h2", { class: "part-title" }, failure.status === 404 ? "It is not here" : "That did not work"),
    h("p", {}, failure.message),
    failure.status === 404
      ? h("a", { class: "button", href: "#/covers" }, "To your covers")
      : h("button", { class: "button", type: "button", on: { click: retry } }, "Try again"));
}

/** Asks before something that cannot be undone; resolves to whether to go on. */
export function confirmed({ question, explanation, yes, no = "Keep it" }) {
  return new Promise((resolve) => {
    const refuse = h("button", { class: "button", type: "button", autofocus: true }, no);
    const agree = h("button", { class: "button button-alarm", type: "button" }, yes);
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-question" },
      h("h2", { id: "dialog-question" }, question), h("p", { class: "soft" }, explanation),
      h("div", { class: "dialog-acts" }, refuse, agree));
    refuse.addEventListener("click", () => dialog.close("no"));
    agree.addEventListener("click", () => dialog.close("yes"));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
