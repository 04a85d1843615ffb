// Curves over time: of loop lag, ready entries and steps a second, a colour for each loop.

import {count, duration, element} from "./format.js";
import {colour} from "./theme.js";

const most = 1200;  // looks that are remembered

/// What was seen of the loops, for as long as the page is open.
export class History {
  constructor() {
    this.looks = [];
  }
  add(look) {
    const last = this.looks.at(-1);
    if (last && look.at <= last.at) return;
    this.looks.push({at: look.at, loops: look.loops.map(({id, name, lag, entries, rate}) =>
      ({id, name, lag, entries, rate}))});
    if (this.looks.length > most) this.looks.shift();
  }
}

const kinds = [
  {key: "lag", title: "Loop lag", hint: "the longest step, or how long the one that runs does so already",
   text: duration, least: 1},
  {key: "entries", title: "Ready", hint: "tasks and callbacks that wait for their turn", text: count, least: 4},
  {key: "rate", title: "Steps a second", hint: "", text: n => `${count(n)} /s`, least: 10},
];

function prepare(canvas) {
  const scale = devicePixelRatio || 1;
  const {clientWidth: width, clientHeight: height} = canvas;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return {pen, width, height};
}

// 1, 2 or 5 times a power of ten, just above.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) {
    if (value <= step * power) return step * power;
  }
  return value;
}

function drawCurve(pen, points, tone, bottom, fill) {
  if (points.length === 0) return;
  pen.beginPath();
  points.forEach(([x, y], i) => i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y));
  pen.strokeStyle = tone;
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  pen.stroke();
  if (!fill) return;
  pen.lineTo(points.at(-1)[0], bottom);
  pen.lineTo(points[0][0], bottom);
  pen.closePath();
  pen.globalAlpha = 0.13;
  pen.fillStyle = tone;
  pen.fill();
  pen.globalAlpha = 1;
}

/// A small curve without axes. values: oldest first
export function sparkline(canvas, values, tone) {
  const {pen, width, height} = prepare(canvas);
  if (values.length < 2) return;
  const top = Math.max(...values) || 1;
  const points = values.map((value, i) =>
    [i / (values.length - 1) * width, height - 2 - value / top * (height - 4)]);
  drawCurve(pen, points, colour(tone), height, true);
}

export class Plots {
  constructor(history) {
    this.history = history;
    this.pointer = null;  // from 0 to 1
    this.root = element("div", "plots");
    this.plots = kinds.map(kind => {
      const plot = element("figure", "plot");
      const caption = element("figcaption", "");
      const value = element("span", "value");
      caption.append(element("strong", "", kind.title), element("span", "muted", kind.hint), value);
      const canvas = element("canvas", "");
      canvas.addEventListener("pointermove", event => this.point(event.offsetX / canvas.clientWidth));
      canvas.addEventListener("pointerleave", () => this.point(null));
      plot.append(caption, canvas);
      this.root.append(plot);
      return {kind, canvas, value, plot};
    });
    this.legend = element("div", "legend");
    this.root.prepend(this.legend);
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  show() {
    this.looks = [...this.history.looks];
    this.draw();
  }

  point(at) {
    this.pointer = at;
    this.draw();
  }

  draw() {
    if (!this.looks?.length || !this.root.isConnected) return;
    const loops = new Map();
    for (const look of this.looks) for (const loop of look.loops) loops.set(loop.id, loop.name);
    this.legend.replaceChildren(...[...loops.values()].map((name, i) => {
      const item = element("span", "", name);
      item.prepend(element("i", `curve-${i % 4}`));
      return item;
    }));
    this.legend.hidden = loops.size < 2;
    for (const plot of this.plots) this.drawPlot(plot, [...loops.keys()]);
  }

  drawPlot({kind, canvas, value, plot}, loops) {
    const {pen, width, height} = prepare(canvas);
    const bottom = height - 18;
    const end = this.looks.at(-1).at;
    const span = Math.max(30_000, end - this.looks[0].at);
    const x = at => width - (end - at) / span * width;
    let top = kind.least;
    for (const look of this.looks) for (const loop of look.loops) top = Math.max(top, loop[kind.key] ?? 0);
    top = roundUp(top);
    const y = amount => bottom - amount / top * (bottom - 8);
    this.drawAxes(pen, {kind, width, bottom, top, y, span});
    loops.forEach((id, i) => {
      const points = [];
      for (const look of this.looks) {
        const loop = look.loops.find(one => one.id === id);
        if (loop?.[kind.key] !== undefined) points.push([x(look.at), y(loop[kind.key])]);
      }
      drawCurve(pen, points, colour(`--curve-${i % 4}`), bottom, loops.length === 1);
    });
    this.drawPointer({pen, kind, value, x, bottom, span, end});
    plot.dataset.points = String(this.looks.length);
  }

  drawAxes(pen, {kind, width, bottom, top, y, span}) {
    pen.font = `11px ${getComputedStyle(this.root).fontFamily}`;
    pen.lineWidth = 1;
    pen.strokeStyle = colour("--line");
    pen.fillStyle = colour("--muted");
    for (const amount of [0, top / 2, top]) {
      const at = Math.round(y(amount)) + 0.5;
      pen.beginPath();
      pen.moveTo(0, at);
      pen.lineTo(width, at);
      pen.stroke();
      pen.textAlign = "left";
      const is_whole = kind.text !== count || Number.isInteger(amount);
      if (amount > 0 && is_whole) pen.fillText(kind.text(amount), 2, at + 12);
    }
    for (let part = 0; part < 4; ++part) {
      pen.textAlign = part === 0 ? "left" : "center";
      pen.fillText(`−${duration(span * (1 - part / 4))}`, part / 4 * width, bottom + 14);
    }
    pen.textAlign = "right";
    pen.fillText("now", width, bottom + 14);
  }

  drawPointer({pen, kind, value, x, bottom, span, end}) {
    let look = this.looks.at(-1);
    if (this.pointer !== null) {
      const at = end - (1 - this.pointer) * span;
      look = this.looks.reduce((best, one) =>
        Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best);
      const place = Math.round(x(look.at)) + 0.5;
      pen.strokeStyle = colour("--muted");
      pen.beginPath();
      pen.moveTo(place, 4);
      pen.lineTo(place, bottom);
      pen.stroke();
    }
    value.textContent = look.loops.map(loop => kind.text(loop[kind.key] ?? 0)).join("  ·  ");
  }
}
