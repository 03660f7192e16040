// Pictures that need the access token: fetched once, kept as object URLs, the oldest let go.

import { picture } from "./api.js";

const ROOM = 60;
const kept = new Map();

/** An object URL for the picture at `path`. Raises Failure. */
export function pictureUrl(path) {
  const known = kept.get(path);
  if (known) {
    kept.delete(path);
    kept.set(path, known);
    return known;
  }
  const coming = picture(path).then((blob) => URL.createObjectURL(blob));
  coming.catch(() => kept.delete(path));
  kept.set(path, coming);
  if (kept.size > ROOM) drop(kept.keys().next().value);
  return coming;
}

/** Lets every picture go, for example when somebody signs out. */
export function dropPictures() {
  for (const path of [...kept.keys()]) drop(path);
}

function drop(path) {
  kept.get(path)?.then(URL.revokeObjectURL, () => {});
  kept.delete(path);
}

/** Sets `image` to the picture at `path` when `place` comes into view; calls `onFail(failure)` when it cannot be had. */
export function loadInView(image, path, onFail, place = image) {
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    pictureUrl(path).then((url) => { image.src = url; }, onFail);
  }, { rootMargin: "300px" });
  watcher.observe(place);
}
