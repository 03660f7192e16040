// Pictures of covers: plain images, whose requests carry the session's cookie.

import { check } from "./api.js";
import { h } from "./dom.js";
import { fresh } from "./session.js";

/** The picture at `path`, ready to be shown. Raises Failure. */
export async function picture(path, alt) {
  const image = h("img", { alt });
  await fill(image, path);
  return image;
}

/** Sets `image` to the picture at `path` when `place` comes into view; calls `onFail(failure)` when it cannot be had. */
export function loadInView(image, path, onFail, place = image) {
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    fill(image, path).catch(onFail);
  }, { rootMargin: "300px" });
  watcher.observe(place);
}

/** An image does not say why it failed: then the address is asked, which renews the session if that was it. */
async function fill(image, path) {
  await fresh().catch(() => {});
  try {
    await load(image, path);
  } catch {
    await online();
    await check(path);
    await load(image, path);
  }
}

/** Resolves when the browser has a line: what was not loaded for want of one is loaded then. */
function online() {
  return navigator.onLine ? null : new Promise((resolve) => { addEventListener("online", resolve, { once: true }); });
}

async function load(image, path) {
  image.src = path;
  await image.decode();
}
