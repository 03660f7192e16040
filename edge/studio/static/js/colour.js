// Colours as WCAG 2 measures them, and the roles a palette's colours play.

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2). */
export function luminance(hex) {
  const [r, g, b] = channels(hex).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of two colours, 1 to 21 (WCAG 2). */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** The colour `share` (0 to 1) of the way from one colour to another. */
export function mix(one, other, share) {
  const [from, to] = [channels(one), channels(other)];
  return `#${from.map((value, at) => Math.round(value + (to[at] - value) * share).toString(16).padStart(2, "0")).join("")}`;
}

function chroma(hex) {
  const parts = channels(hex);
  return Math.max(...parts) - Math.min(...parts);
}

/** The roles in a palette: darkest, lightest, the liveliest of the rest, and all from dark to light. */
export function roles(palette) {
  const known = palette.filter((hex) => /^#[0-9a-f]{6}$/i.test(hex));
  const all = known.length > 1 ? known : ["#23303f", "#5a7184", "#c98f5d", "#efe7d8"];
  const sorted = [...all].sort((a, b) => luminance(a) - luminance(b));
  const inner = sorted.length > 2 ? sorted.slice(1, -1) : sorted;
  const accent = [...inner].sort((a, b) => chroma(b) - chroma(a))[0];
  return { dark: sorted[0], light: sorted.at(-1), accent, sorted };
}
