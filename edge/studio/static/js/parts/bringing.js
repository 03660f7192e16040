// Bringing a picture of one's own: chosen or dropped, sent, and what is wrong with it.

import { call } from "../api.js";
import { announce, h, show } from "../dom.js";
import { dropPlace, formOf } from "./drop.js";

const MOST = 20 * 1024 * 1024;
const KINDS = "image/png,image/jpeg,image/webp";

/**
 * The place: `{element, input, say}`. `onUpload(upload)` is told of each picture that is kept and may take its time; what
 * it raises is shown like what is wrong with the file. A second file takes the place of one that is still being sent.
 */
export function bringing({ label, hint, purpose, signal, onUpload }) {
  const error = h("p", { class: "field-error", role: "alert" });
  const place = dropPlace({ label, hint: `${hint} At most 20 MB.`, waiting: "Sending the file", accept: KINDS, onFile: take });
  const say = (sentence) => show(error, sentence);
  let asking = null;

  async function take(file) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    say("");
    place.busy(true);
    try {
      if (!file.size) throw new Error("The file is empty. Choose another one.");
      if (file.size > MOST) throw new Error("The file is too large: at most 20 MB. Make it smaller, or save it as a JPEG.");
      const upload = await call("POST", "/v1/uploads", formOf(file, { purpose }), { signal: AbortSignal.any([signal, mine.signal]) });
      announce("The picture is here.");
      await onUpload(upload);
    } catch (failure) {
      if (!signal.aborted && !mine.signal.aborted) say(failure.message);
    } finally {
      if (asking === mine) place.busy(false);
    }
  }

  return { element: h("div", {}, place.element, error), input: place.input, say };
}
