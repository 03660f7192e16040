// Small drawings in a style's own colours: what a style looks like before anything is painted.

import { contrast, mix, roles } from "./colour.js";
import { svg } from "./dom.js";

const KINDS = [
  [/land|hill|mount|sea|coast|forest|winter|nature/, hills],
  [/cosm|space|star|night|sky|galax/, heavens],
  [/mesh|gradient|blur|aura|soft|water|wash/, veils],
  [/geo|bauhaus|shape|modern|swiss|block|abstract/, blocks],
  [/bot|leaf|flor|plant|garden|herb/, leaves],
  [/wave|flow|line|contour|topo|strata/, waves],
  [/city|urban|noir|sky-?line|architect/, city],
  [/deco|ray|sun|retro|poster/, rays],
  [/half|dot|grain|print|pop|type|minimal|paper|cut/, moon],
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
 * A drawing for a style: `{art, type, low}` with the SVG element, a colour that reads on it, and whether type belongs low.
 * `width` and `height` are its proportions; `seed` makes it repeatable.
 */
export function sketch({ family = "", palette = [], seed = "", width = 100, height = 160 }) {
  const colours = roles(palette);
  const rng = chance(seed + family);
  const draw = KINDS.find(([words]) => words.test(family))?.[1] ?? KINDS[Math.floor(chance(family)() * KINDS.length)][1];
  const { shapes, ground, low = false } = draw(colours, rng, width, height);
  const art = svg("svg", { class: "art", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false" },
    svg("rect", { width, height, fill: ground }), shapes);
  const type = [colours.light, colours.dark, "#ffffff", "#14151a"].find((ink) => contrast(ink, ground) >= 4.5) ?? "#14151a";
  return { art, type, low };
}

const circle = (cx, cy, r, fill, more = {}) => svg("circle", { cx, cy, r, fill, ...more });
const path = (d, fill, more = {}) => svg("path", { d, fill, ...more });
const point = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;

function ridge(rng, w, h, y, swing) {
  const steps = 5;
  let d = `M0 ${y}`;
  for (let at = 1; at <= steps; at += 1) {
    const [x0, x1] = [(w / steps) * (at - 1), (w / steps) * at];
    d += ` Q${point((x0 + x1) / 2, y + (rng() - 0.5) * swing * 2)} ${point(x1, y + (rng() - 0.5) * swing)}`;
  }
  return `${d} L${w} ${h} L0 ${h}Z`;
}

function hills({ dark, light, accent, sorted }, rng, w, h) {
  const ground = mix(light, sorted.at(-2), 0.15);
  const shapes = [circle(w * (0.3 + rng() * 0.4), h * 0.55, Math.min(w, h) * 0.17, mix(accent, light, 0.15))];
  for (let at = 0; at < 4; at += 1) {
    const tone = at === 3 ? dark : mix(sorted[Math.max(0, sorted.length - 2 - at)], dark, 0.12 + at * 0.24);
    shapes.push(path(ridge(rng, w, h, h * (0.6 + at * 0.105), h * 0.09), tone));
  }
  return { shapes, ground };
}

function heavens({ dark, light, accent, sorted }, rng, w, h) {
  const [x, y, r] = [w * (0.35 + rng() * 0.3), h * 0.66, Math.min(w, h) * 0.3];
  const shapes = Array.from({ length: 46 }, () => circle(rng() * w, rng() * h, 0.18 + rng() * 0.5, light, { opacity: (0.35 + rng() * 0.6).toFixed(2) }));
  shapes.push(circle(x, y, r, mix(accent, dark, 0.15)), path(`M${point(x - r, y)} A${r} ${r} 0 0 0 ${point(x + r, y)} A${r} ${r * 0.35} 0 0 1 ${point(x - r, y)}Z`, mix(sorted[1] ?? dark, dark, 0.4)));
  shapes.push(svg("ellipse", { cx: x, cy: y, rx: r * 1.75, ry: r * 0.32, fill: "none", stroke: mix(light, accent, 0.3), "stroke-width": 0.9, transform: `rotate(-18 ${point(x, y)})` }));
  return { shapes, ground: mix(dark, "#000000", 0.15) };
}

function veils({ dark, light, sorted }, rng, w, h) {
  const tones = sorted.slice(0, -1).reverse();
  const shapes = tones.concat(tones).map((tone, at) => svg("ellipse", {
    cx: (rng() * w).toFixed(1), cy: (h * (0.5 + rng() * 0.55)).toFixed(1), rx: (w * (0.35 + rng() * 0.4)).toFixed(1), ry: (h * (0.12 + rng() * 0.22)).toFixed(1),
    fill: tone, opacity: at > 2 ? 0.62 : 0.85, transform: `rotate(${(rng() * 60 - 30).toFixed(0)} ${point(w / 2, h / 2)})`,
  }));
  return { shapes, ground: mix(light, dark, 0.03) };
}

function blocks({ dark, light, accent, sorted }, rng, w, h) {
  const unit = w / 4;
  const shapes = [];
  const tones = [dark, accent, ...sorted.slice(1, -1)];
  for (let row = 0; row * unit < h * 0.62; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      const [x, y, tone, turn] = [column * unit, h - (row + 1) * unit, tones[Math.floor(rng() * tones.length)], rng()];
      if (turn < 0.22) continue;
      if (turn < 0.45) shapes.push(svg("rect", { x, y, width: unit, height: unit, fill: tone }));
      else if (turn < 0.65) shapes.push(circle(x + unit / 2, y + unit / 2, unit / 2, tone));
      else if (turn < 0.85) shapes.push(path(`M${x} ${y} A${unit} ${unit} 0 0 1 ${x + unit} ${y + unit} L${x} ${y + unit}Z`, tone));
      else shapes.push(path(`M${x} ${y + unit} L${x + unit} ${y} L${x + unit} ${y + unit}Z`, tone));
    }
  }
  return { shapes, ground: light };
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
  const [x, y, reach] = [w * 0.5, h * 0.98, h * 0.62];
  const shapes = [];
  for (let at = 0; at < 18; at += 2) {
    const [from, to] = [Math.PI + (Math.PI * at) / 18, Math.PI + (Math.PI * (at + 1)) / 18];
    shapes.push(path(`M${point(x, y)} L${point(x + Math.cos(from) * reach, y + Math.sin(from) * reach)} L${point(x + Math.cos(to) * reach, y + Math.sin(to) * reach)}Z`, at % 4 ? accent : sorted[1] ?? accent));
  }
  shapes.push(circle(x, y, w * 0.3, light), circle(x, y, w * 0.26, dark), circle(x, y, w * (0.12 + rng() * 0.06), accent));
  return { shapes, ground: light };
}

function moon({ dark, light, accent }, rng, w, h) {
  const [x, y, r] = [w * (0.42 + rng() * 0.16), h * 0.68, Math.min(w, h) * 0.27];
  const shapes = [circle(x, y, r, accent)];
  const step = w / 26;
  for (let row = 0; row * step < h; row += 1) {
    for (let column = 0; column < 26; column += 1) {
      const [px, py] = [(column + (row % 2) / 2) * step, row * step];
      const size = Math.max(0, (py / h - 0.45) * 0.9) * step;
      const inside = Math.hypot(px - x, py - y) < r;
      if (size > 0.12) shapes.push(circle(px.toFixed(1), py.toFixed(1), size.toFixed(2), inside ? mix(dark, accent, 0.1) : dark));
    }
  }
  return { shapes, ground: light };
}
