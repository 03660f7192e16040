// What a style looks like before a cover is made in it: its painted picture, or a small drawing in its own colours.

import { contrast, mix, roles } from "./colour.js";
import { h, svg } from "./dom.js";
import { PAINTED } from "./painted.js";

const KINDS = [
  [/land|hill|mount|sea|coast|forest|winter|nature/, hills],
  [/cosm|space|star|galax|orbit/, heavens],
  [/mesh|gradient|blur|aura|soft|wash/, veils],
  [/geo|bauhaus|midcent|shape|modern|swiss|block/, blocks],
  [/bot|leaf|flor|plant|garden|herb/, leaves],
  [/wave|flow|ribbon|contour|topo|strata|marbl/, waves],
  [/city|urban|noir|sky-?line|archit/, city],
  [/deco|ray|sun|retro|poster/, rays],
  [/ink|brush|sumi|callig|paint/, brush],
  [/paper|cut|collage|layer/, layers],
  [/half|dot|grain|print|pop|type|minimal/, dots],
];

/** Chance that is the same for the same text: numbers from 0 to 1 (mulberry32 on an FNV-1a hash). */
export function chance(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A picture of a style: `{art, type, foot}` with the element and the colours that read on its upper and lowest parts.
 * `width` and `height` are its proportions; `seed` makes a drawing repeatable.
 */
export function sketch({ family = "", palette = [], seed = "", width = 100, height = 160 }) {
  const key = paintedKey({ family, palette });
  const inks = PAINTED.get(key);
  if (inks) return { art: painted(key), type: inks[0], foot: inks[1] };
  return drawn({ family, palette, seed, width, height });
}

/** The name under which the picture of a family in a palette is kept, if there is one. */
export const paintedKey = ({ family = "", palette = [] }) => `${family}-${palette.map((hex) => hex.slice(1).toLowerCase()).join("")}`;

function painted(key) {
  return h("img", { class: "art", alt: "", loading: "lazy", decoding: "async", draggable: "false", src: new URL(`../styles/${key}.webp`, import.meta.url).pathname });
}

function drawn({ family, palette, seed, width, height }) {
  const colours = roles(palette);
  const rng = chance(seed + family);
  const draw = KINDS.find(([words]) => words.test(family))?.[1] ?? KINDS[Math.floor(chance(family)() * KINDS.length)][1];
  const { shapes, ground, base = colours.dark } = draw(colours, rng, width, height);
  const art = svg("svg", { class: "art", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false" },
    svg("rect", { width, height, fill: ground }), shapes);
  return { art, type: readable(colours, ground), foot: readable(colours, base) };
}

function readable({ light, dark }, ground) {
  return [light, dark, "#ffffff", "#14151a"].find((ink) => contrast(ink, ground) >= 4.5) ?? "#14151a";
}

const circle = (cx, cy, r, fill, more = {}) => svg("circle", { cx, cy, r, fill, ...more });
const path = (d, fill, more = {}) => svg("path", { d, fill, ...more });
const point = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A smooth line through points (Catmull-Rom), closed along the bottom. */
function terrain(points, w, h) {
  let d = `M${point(...points[0])}`;
  for (let at = 0; at < points.length - 1; at += 1) {
    const [before, from, to, after] = [points[at - 1] ?? points[at], points[at], points[at + 1], points[at + 2] ?? points[at + 1]];
    d += ` C${point(from[0] + (to[0] - before[0]) / 6, from[1] + (to[1] - before[1]) / 6)} ${point(to[0] - (after[0] - from[0]) / 6, to[1] - (after[1] - from[1]) / 6)} ${point(...to)}`;
  }
  return `${d} L${point(w, h)} L${point(0, h)}Z`;
}

function ridge(rng, w, h, y, swing, steps = 6) {
  return terrain(Array.from({ length: steps + 1 }, (_, at) => [(w / steps) * at, y + (rng() - 0.5) * swing * 2]), w, h);
}

function hills({ dark, light, accent, sorted }, rng, w, h) {
  const ground = mix(light, sorted.at(-2), 0.15);
  const shapes = [circle(w * (0.3 + rng() * 0.4), h * 0.53, Math.min(w, h) * 0.16, mix(accent, light, 0.15))];
  for (let at = 0; at < 4; at += 1) {
    const tone = at === 3 ? dark : mix(sorted[Math.max(0, sorted.length - 2 - at)], dark, 0.12 + at * 0.24);
    shapes.push(path(ridge(rng, w, h, h * (0.6 + at * 0.095), h * 0.045), tone));
  }
  return { shapes, ground };
}

function heavens({ dark, light, accent, sorted }, rng, w, h) {
  const [x, y, r] = [w * (0.35 + rng() * 0.3), h * 0.66, Math.min(w, h) * 0.3];
  const shapes = Array.from({ length: 46 }, () => circle(rng() * w, rng() * h, 0.18 + rng() * 0.5, light, { opacity: (0.35 + rng() * 0.6).toFixed(2) }));
  shapes.push(circle(x, y, r, mix(accent, dark, 0.15)), path(`M${point(x - r, y)} A${r} ${r} 0 0 0 ${point(x + r, y)} A${r} ${r * 0.35} 0 0 1 ${point(x - r, y)}Z`, mix(sorted[1] ?? dark, dark, 0.4)));
  shapes.push(svg("ellipse", { cx: x, cy: y, rx: r * 1.75, ry: r * 0.32, fill: "none", stroke: mix(light, accent, 0.3), "stroke-width": 0.9, transform: `rotate(-18 ${point(x, y)})` }));
  return { shapes, ground: mix(dark, "#000000", 0.15), base: dark };
}

function veils({ dark, light, sorted }, rng, w, h) {
  const tones = sorted.slice(0, -1).reverse();
  const shapes = tones.concat(tones).map((tone, at) => svg("ellipse", {
    cx: (rng() * w).toFixed(1), cy: (h * (0.5 + rng() * 0.55)).toFixed(1), rx: (w * (0.35 + rng() * 0.4)).toFixed(1), ry: (h * (0.12 + rng() * 0.22)).toFixed(1),
    fill: tone, opacity: at > 2 ? 0.62 : 0.85, transform: `rotate(${(rng() * 60 - 30).toFixed(0)} ${point(w / 2, h / 2)})`,
  }));
  shapes.push(svg("ellipse", { cx: w * 0.5, cy: h * 1.02, rx: w * 0.9, ry: h * 0.16, fill: dark, opacity: 0.9 }));
  return { shapes, ground: mix(light, dark, 0.03) };
}

function blocks({ dark, light, accent, sorted }, rng, w, h) {
  const unit = w / 4;
  const shapes = [];
  const tones = [dark, accent, ...sorted.slice(1, -1)];
  for (let row = 0; row * unit < h * 0.42; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      const [x, y, tone, turn] = [column * unit, h * 0.87 - (row + 1) * unit, tones[Math.floor(rng() * tones.length)], rng()];
      if (turn < 0.22) continue;
      if (turn < 0.45) shapes.push(svg("rect", { x, y, width: unit, height: unit, fill: tone }));
      else if (turn < 0.65) shapes.push(circle(x + unit / 2, y + unit / 2, unit / 2, tone));
      else if (turn < 0.85) shapes.push(path(`M${x} ${y} A${unit} ${unit} 0 0 1 ${x + unit} ${y + unit} L${x} ${y + unit}Z`, tone));
      else shapes.push(path(`M${x} ${y + unit} L${x + unit} ${y} L${x + unit} ${y + unit}Z`, tone));
    }
  }
  return { shapes, ground: light, base: light };
}

function leaves({ dark, light, accent, sorted }, rng, w, h) {
  const tones = [dark, accent, ...sorted.slice(0, -1)];
  const shapes = [];
  for (let stem = 0; stem < 5; stem += 1) {
    const [x, top, lean] = [w * (0.1 + stem * 0.2), h * (0.5 + rng() * 0.2), (rng() - 0.5) * w * 0.25];
    const tone = tones[stem % tones.length];
    shapes.push(path(`M${point(x, h)} Q${point(x, (h + top) / 2)} ${point(x + lean, top)}`, "none", { stroke: tone, "stroke-width": 0.7 }));
    for (let at = 0; at < 6; at += 1) {
      const share = 0.12 + at * 0.16;
      const [px, py, side, size] = [x + lean * share * share, h + (top - h) * share, at % 2 ? 1 : -1, w * (0.17 - at * 0.015)];
      shapes.push(path(`M${point(px, py)} q${point(side * size * 0.35, -size * 0.75)} ${point(side * size, -size * 0.6)} q${point(-side * size * 0.15, size * 0.65)} ${point(-side * size, size * 0.6)}Z`, tone));
    }
  }
  shapes.push(path(ridge(rng, w, h, h * 0.87, h * 0.008), dark));
  return { shapes, ground: mix(light, accent, 0.06) };
}

function waves({ dark, light, accent, sorted }, rng, w, h) {
  const [turn, deep] = [rng() * 6.28, h * 0.055];
  const shapes = Array.from({ length: 13 }, (_, row) => {
    const y = h * (0.42 + row * 0.05);
    let d = `M-2 ${point(0, y).split(" ")[1]}`;
    for (let at = 0; at <= 24; at += 1) d += ` L${point((at / 24) * (w + 4) - 2, y + Math.sin(at * 0.42 + turn + row * 0.33) * deep * (0.4 + row * 0.07))}`;
    return path(`${d} L${w + 2} ${h} L-2 ${h}Z`, row % 4 === 1 ? accent : mix(sorted[Math.max(0, sorted.length - 2 - Math.floor(row / 4))], dark, row * 0.045), { stroke: mix(light, accent, 0.1), "stroke-width": 0.35 });
  });
  return { shapes, ground: light };
}

function city({ dark, light, accent, sorted }, rng, w, h) {
  const shapes = [circle(w * 0.68, h * 0.5, w * 0.15, mix(accent, light, 0.2))];
  for (let row = 0; row < 3; row += 1) {
    const tone = mix(sorted[Math.min(2 - row, sorted.length - 1)], dark, row * 0.45);
    for (let x = -4; x < w; ) {
      const [wide, tall] = [w * (0.09 + rng() * 0.11), h * (0.5 - row * 0.12) * (0.5 + rng() * 0.5)];
      shapes.push(svg("rect", { x: x.toFixed(1), y: (h - tall).toFixed(1), width: wide.toFixed(1), height: tall.toFixed(1), fill: tone }));
      if (row === 2 && rng() > 0.4) shapes.push(svg("rect", { x: (x + wide * 0.35).toFixed(1), y: (h - tall * 0.7).toFixed(1), width: 1.4, height: 2.4, fill: accent }));
      x += wide * 0.92;
    }
  }
  return { shapes, ground: mix(light, sorted[1] ?? dark, 0.18) };
}

function rays({ dark, light, accent, sorted }, rng, w, h) {
  const [x, y, reach] = [w * 0.5, h * 0.85, h * 0.5];
  const shapes = [];
  for (let at = 0; at < 18; at += 2) {
    const [from, to] = [Math.PI + (Math.PI * at) / 18, Math.PI + (Math.PI * (at + 1)) / 18];
    shapes.push(path(`M${point(x, y)} L${point(x + Math.cos(from) * reach, y + Math.sin(from) * reach)} L${point(x + Math.cos(to) * reach, y + Math.sin(to) * reach)}Z`, at % 4 ? accent : sorted[1] ?? accent));
  }
  shapes.push(circle(x, y, w * 0.3, light), circle(x, y, w * 0.26, dark), circle(x, y, w * (0.12 + rng() * 0.06), accent));
  shapes.push(svg("rect", { y: y.toFixed(1), width: w, height: (h - y).toFixed(1), fill: dark }));
  return { shapes, ground: light };
}

function brush({ dark, light, accent, sorted }, rng, w, h) {
  const [x, y, r] = [w * (0.45 + rng() * 0.1), h * 0.58, Math.min(w, h) * 0.27];
  const shapes = [circle(x + r * 0.7, y - r * 0.55, r * 0.36, accent)];
  for (let at = 0; at < 26; at += 1) {
    const lift = (rng() - 0.5) * r * 0.42;
    const from = 0.5 + rng() * 0.5;
    shapes.push(path(`M${point(x + Math.cos(from) * (r + lift), y + Math.sin(from) * (r + lift))} A${(r + lift).toFixed(1)} ${(r + lift * 0.8).toFixed(1)} 0 1 1 ${point(x + Math.cos(-0.3 + rng() * 0.5) * (r + lift), y + Math.sin(-0.3 + rng() * 0.5) * (r + lift))}`,
      "none", { stroke: at % 5 ? dark : sorted[1] ?? dark, "stroke-width": (0.3 + rng() * 1.1).toFixed(2), "stroke-linecap": "round", opacity: 0.8 }));
  }
  return { shapes, ground: light, base: light };
}

function layers({ dark, light, accent, sorted }, rng, w, h) {
  const tones = [light, ...[...sorted].slice(1, -1).reverse(), accent, dark];
  const shapes = [circle(w * 0.5, h * 0.6, Math.min(w, h) * 0.13, accent)];
  tones.slice(1).forEach((tone, at) => {
    const drop = h * (0.66 + at * 0.07);
    const points = Array.from({ length: 9 }, (_, step) => [(w / 8) * step, drop - Math.abs(step - 4) ** 1.7 * h * 0.018 + (rng() - 0.5) * h * 0.035]);
    const d = terrain(points, w, h);
    shapes.push(path(d, "#000000", { opacity: 0.16, transform: "translate(0 -1.1)" }), path(d, tone));
  });
  return { shapes, ground: light };
}

function dots({ dark, light, accent }, rng, w, h) {
  const [x, y, r] = [w * (0.42 + rng() * 0.16), h * 0.62, Math.min(w, h) * 0.27];
  const step = Math.max(w, h) / 34;
  let [d, inside] = ["", ""];
  for (let row = 0; row * step < h + step; row += 1) {
    for (let column = 0; column * step < w + step; column += 1) {
      const [px, py] = [(column + (row % 2) / 2) * step, row * step];
      const size = Math.min(0.78, Math.max(0, (py / h - 0.42) * 1.7)) * step;
      const mark = size > 0.15 ? `M${point(px - size, py)} a${size.toFixed(2)} ${size.toFixed(2)} 0 1 0 ${(2 * size).toFixed(2)} 0 a${size.toFixed(2)} ${size.toFixed(2)} 0 1 0 ${(-2 * size).toFixed(2)} 0` : "";
      if (Math.hypot(px - x, py - y) < r) inside += mark;
      else d += mark;
    }
  }
  return { shapes: [circle(x, y, r, accent), path(d, dark), path(inside, mix(dark, accent, 0.25))], ground: light };
}
