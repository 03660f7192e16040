// The sheet that lies on a picture, on which a part of it is marked stroke by stroke: by mouse, finger, pen or keys.

import { announce, h } from "../dom.js";

const LONGEST = 1024;
const STEP = 0.03;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = "The picture, to mark a part of it. Arrow keys move the brush, with Shift in small steps. Space puts it down and lifts it, Backspace undoes a stroke.";

/**
 * The sheet: `{element, brush, over(image), fill(area), undo(), clear(), isMarked(), mask()}`. `brush` is `{size, rubbing}`,
 * the size in hundredths of the width; `fill` marks `[x, y, width, height]` in shares; `onChange()` tells of each stroke.
 */
export function markSheet({ onChange }) {
  const canvas = h("canvas", { class: "mask-sheet" });
  const ring = h("div", { class: "mask-ring" });
  const element = h("div", { class: "mask", tabindex: 0, role: "application", "aria-label": HELP }, canvas, ring);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const brush = { size: 9, rubbing: false };
  let strokes = [];
  let stroke = null;
  let pointer = null;
  let at = [0.5, 0.5];

  function over(image) {
    const scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    strokes = [];
    stroke = null;
    follow();
    return element;
  }

  /** Draws a stroke, or its last piece alone. */
  function draw({ area, points, size, rubbing }, from = 0) {
    pen.fillStyle = pen.strokeStyle = getComputedStyle(canvas).color;
    pen.globalCompositeOperation = rubbing ? "destination-out" : "source-over";
    if (area) return pen.fillRect(area[0] * canvas.width, area[1] * canvas.height, area[2] * canvas.width, area[3] * canvas.height);
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = (size / 100) * canvas.width;
    pen.beginPath();
    for (const [x, y] of points.slice(from)) pen.lineTo(x * canvas.width, y * canvas.height);
    if (points.length === 1) pen.lineTo(points[0][0] * canvas.width + 0.01, points[0][1] * canvas.height);
    pen.stroke();
  }

  function down(place) {
    stroke = { points: [place], ...brush };
    strokes.push(stroke);
    draw(stroke);
    onChange();
  }

  function move(place) {
    at = place;
    follow();
    if (!stroke) return;
    stroke.points.push(place);
    draw(stroke, stroke.points.length - 2);
  }

  function lift() {
    stroke = null;
    pointer = null;
    element.classList.remove("is-down");
  }

  function follow() {
    element.style.setProperty("--x", `${(at[0] * 100).toFixed(2)}%`);
    element.style.setProperty("--y", `${(at[1] * 100).toFixed(2)}%`);
    element.style.setProperty("--brush", `${brush.size}%`);
  }

  function undo() {
    lift();
    const gone = strokes.pop();
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const each of strokes) draw(each);
    announce(gone ? "The last stroke is undone." : "Nothing is marked.");
    onChange();
  }

  function clear() {
    lift();
    strokes = [];
    pen.clearRect(0, 0, canvas.width, canvas.height);
    onChange();
  }

  function fill(area) {
    strokes.push({ area, rubbing: false });
    draw(strokes.at(-1));
    onChange();
  }

  /** Whether a mark is left: strokes may have been rubbed out. */
  function isMarked() {
    if (!strokes.length) return false;
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha] > 127) return true;
    return false;
  }

  /** A PNG, white where it is marked and black elsewhere. */
  function mask() {
    const sheet = h("canvas", { width: canvas.width, height: canvas.height });
    const paper = sheet.getContext("2d");
    paper.drawImage(canvas, 0, 0);
    for (const [how, colour] of [["source-in", "#ffffff"], ["destination-over", "#000000"]]) {
      paper.globalCompositeOperation = how;
      paper.fillStyle = colour;
      paper.fillRect(0, 0, sheet.width, sheet.height);
    }
    return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
  }

  const spot = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };

  function press(event) {
    if (event.button !== 0 || pointer !== null) return;
    pointer = event.pointerId;
    element.setPointerCapture(pointer);
    move(spot(event));
    down(at);
  }

  function drag(event) {
    if (pointer !== null && event.pointerId !== pointer) return; // a second finger draws nothing
    if (pointer === null && stroke) return; // the keys hold the brush
    for (const each of event.getCoalescedEvents?.() ?? []) move(spot(each));
    move(spot(event));
  }

  function type(event) {
    const way = KEYS[event.key];
    if (event.key === "Backspace") undo();
    else if (event.key === " ") hold();
    else if (event.key === "Escape" && stroke) lift();
    else if (way) {
      const step = event.shiftKey ? STEP / 4 : STEP;
      move([at[0] + way[0] * step, at[1] + way[1] * step * (canvas.width / canvas.height)].map((share) => Math.min(1, Math.max(0, share))));
    } else return;
    event.preventDefault();
  }

  function hold() {
    if (stroke) lift();
    else {
      down(at);
      element.classList.add("is-down");
    }
    announce(stroke ? "The brush is down." : "The brush is up.");
  }

  element.addEventListener("pointerdown", press);
  element.addEventListener("pointermove", drag);
  for (const ending of ["pointerup", "pointercancel"]) element.addEventListener(ending, (event) => event.pointerId === pointer && lift());
  element.addEventListener("keydown", type);
  element.addEventListener("blur", lift);
  return { element, brush, follow, over, fill, undo, clear, isMarked, mask };
}
