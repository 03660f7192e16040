// Numbers, times and names as people read them.

const LANGUAGE = "en-GB";
const DAY = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
const AGO = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

/** "1 November", in the reader's time zone. */
export const sayDay = (time) => DAY.format(new Date(time));

/** "1 November 2026 at 14:05". */
export const sayTime = (time) => FULL.format(new Date(time));

/** "3 minutes ago", "yesterday". */
export function sayAgo(time) {
  const seconds = (new Date(time) - Date.now()) / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return AGO.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

/** "in 40 seconds", for a wait in seconds that may be unknown. */
export function sayWhen(seconds) {
  if (!seconds) return "in a moment";
  return seconds < 90 ? `in ${Math.ceil(seconds)} seconds` : `in ${Math.ceil(seconds / 60)} minutes`;
}

/** The formats in the order in which they are offered, each with its proportions and its size in pixels. */
export const FORMATS = {
  ebook: { name: "E-book", note: "for shops", ratio: [10, 16], pixels: [1600, 2560] },
  paperback: { name: "Paperback", note: "6 × 9 inches", ratio: [10.6, 16], pixels: [1800, 2700] },
  square: { name: "Square", note: "album, podcast", ratio: [14, 14], pixels: [3000, 3000] },
  portrait: { name: "Portrait", note: "post, 4 : 5", ratio: [12, 15], pixels: [1080, 1350] },
  story: { name: "Story", note: "reel, 9 : 16", ratio: [9, 16], pixels: [1080, 1920] },
  thumbnail: { name: "Video", note: "thumbnail", ratio: [18, 10], pixels: [1280, 720] },
  wide: { name: "Wide", note: "banner, slide", ratio: [18, 10], pixels: [1920, 1080] },
};

/** The pairings of fonts, by what they are made for. */
export const PAIRINGS = {
  literary: "Literary", classic: "Classic", poetry: "Poetry", fantasy: "Fantasy", history: "History", thriller: "Thriller", crime: "Crime",
  "science-fiction": "Science fiction", technical: "Technical", romance: "Romance", modern: "Modern", nonfiction: "Non-fiction", podcast: "Podcast",
  video: "Video", playful: "Playful", children: "Children", deco: "Art deco", editorial: "Editorial", retro: "Retro",
};

/** The steps of a cover in order, as people see them, each with its names on the server, which says what it does. */
export const STEPS = [
  ["Paint the art", ["paint"]],
  ["Check the picture", ["check_image"]],
  ["Set the words", ["compose"]],
  ["Save the cover", ["store", "commit", "complete"]],
];

/** The part of the work after which the art is whole: painted and looked over. */
export const ART_SHARE = 0.58;

/** A file name for a cover: "the-long-winter.png". */
export function fileName(title) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  return `${plain.slice(0, 80) || "cover"}.png`;
}

/** The name of a tier. */
export const sayTier = (tier) => ({ free: "Free", pro: "Pro", pro_plus: "Pro Plus" })[tier] ?? tier;

/** What a key may be allowed to do. */
export const SCOPES = {
  "covers:read": "See covers, edits and exports, and download them",
  "covers:write": "Order, change, cancel and delete covers, edits and exports",
  "styles:read": "See own styles",
  "styles:write": "Keep own styles",
  "notifications:read": "Read the inbox",
  "notifications:write": "Mark letters as read",
  "account:read": "See the profile, the preferences and the quota",
  "account:write": "Change the profile and the preferences",
};

const BROWSERS = [["Firefox", /Firefox/], ["Edge", /Edg/], ["Opera", /OPR/], ["Chrome", /Chrome|CriOS/], ["Safari", /Safari/]];
const SYSTEMS = [["Android", /Android/], ["iPhone", /iPhone/], ["iPad", /iPad/], ["Windows", /Windows/], ["macOS", /Mac OS X/], ["ChromeOS", /CrOS/], ["Linux", /Linux/]];

/** "Firefox on Linux", or the program as it calls itself, from a User-Agent that may be unknown. */
export function sayDevice(agent) {
  if (!agent) return "Unknown program";
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => names.find(([, mark]) => mark.test(agent))?.[0]);
  return browser && system ? `${browser} on ${system}` : agent.split(" ")[0].slice(0, 60);
}

const NOT_IN = {
  unavailable: "The provider does not answer. Try it again in a moment.",
  unverified: "The provider has not confirmed your e-mail address. Confirm it there first.",
  taken: "That account belongs to somebody here already. Sign in the way you did before; you can add the provider under your name.",
  failed: "Signing in there did not work. Try it again, or sign in with your password.",
};

/** Why signing in at a provider did not work, taken out of the address, so that it is told once; null when it did. */
export function takeRefusal() {
  const query = new URLSearchParams(location.search);
  const word = query.get("signin");
  if (word === null) return null;
  query.delete("signin");
  history.replaceState(null, "", location.pathname + (query.size ? `?${query}` : "") + location.hash);
  return NOT_IN[word] ?? NOT_IN.failed;
}

const REFUSED = { sexual: "sexual content", violence: "graphic violence", hate: "hate", self: "self-harm", illegal: "weapons or drugs", harassment: "harassment" };

/** What is wrong with a field, as a sentence: the API says what follows the field's name ("is taken"). */
export function sayField(label, { detail, category }) {
  if (category) return `The studio makes no covers with this in them: ${REFUSED[category.split("_")[0]] ?? category.replaceAll("_", " ")}. Use other words.`;
  const whole = /^\p{Ll}/u.test(detail) ? `${label} ${detail}` : detail;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
