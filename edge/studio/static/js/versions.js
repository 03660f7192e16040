// The versions of a cover: which is looked at, which is shown, and where their pictures are.

/** The version of a number, or null. */
export const versionOf = (found, number) => found.versions.find(({ version }) => version === number) ?? null;

/** The version that the cover shows. */
export const chosenOf = (found) => versionOf(found, found.shown_version) ?? found.versions.at(-1);

/** A version, or the nearest of those that it was made from, that has a recipe; or null. */
export function withRecipe(found, version) {
  for (let at = version; at; at = versionOf(found, at.parent)) if (at.recipe) return at;
  return null;
}

/** The format of a version; an edited one has that of the picture it was made from. */
export const formatOf = (found, version) => withRecipe(found, version)?.recipe.format ?? found.format;

/** Where the picture of a version is; `size` is "full" or "thumb". It never changes, so it may be kept. */
export function pictureOf(found, { version, image, thumbnail }, size = "full") {
  const path = `/v1/covers/${found.cover_id}/versions/${version}/image`;
  return size === "thumb" ? `${path}?size=thumb&v=${thumbnail.sha256}` : `${path}?v=${image.sha256}`;
}

/** What a version is held against: the chosen one, or for that one what it was made from, or its neighbour; or null. */
export function rivalOf(found, version) {
  if (found.versions.length < 2) return null;
  if (version.version !== found.shown_version) return chosenOf(found);
  return versionOf(found, version.parent) ?? found.versions.findLast((other) => other !== version);
}

/** The words of a version; those of the cover where it has no recipe. */
export const wordsOf = (found, { recipe }) => ({
  title: recipe?.title || found.title,
  subtitle: (recipe?.title ? recipe.subtitle : found.subtitle) ?? "",
  author: (recipe?.title ? recipe.author : found.author) ?? "",
});
