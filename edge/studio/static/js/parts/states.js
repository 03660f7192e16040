// What a view shows when there is nothing, not yet, or not at all; and the question before something is lost.

import { h } from "../dom.js";

/** A failure with a way on; what failed for want of a line is tried again by itself when there is one. */
export function failed(failure, retry) {
  const element = h("div", { class: "void", role: "alert" },
    h("h2", { class: "part-title" }, failure.status === 404 ? "It is not here" : failure.code === "offline" ? "No connection" : "That did not work"),
    h("p", {}, failure.message),
    failure.status === 404
      ? h("a", { class: "button", href: "#/covers" }, "To your covers")
      : h("button", { class: "button", type: "button", on: { click: retry } }, "Try again"));
  if (failure.code === "offline") addEventListener("online", () => element.isConnected && retry(), { once: true });
  return element;
}

/** Asks before something is done, which cannot be undone if it is `grave`; resolves to whether to go on. */
export function confirmed({ question, explanation, yes, no = "Keep it", grave = true }) {
  return new Promise((resolve) => {
    const refuse = h("button", { class: "button", type: "button", autofocus: true }, no);
    const agree = h("button", { class: grave ? "button button-alarm" : "button button-main", type: "button" }, yes);
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
