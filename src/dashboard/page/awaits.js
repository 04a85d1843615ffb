// Where tasks spend their time while they wait: as a flame graph, upside down. A box is a place in
// the program, below it those that were called from there, at the ends what is waited for.

import {duration, element, line, plural} from "./format.js";

const colours = 6;

function colourOf(box) {
  const text = box.place ? box.place.name : "";
  let hash = 0;
  for (let i = 0; i < text.length; ++i) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return box.place ? `tone-${hash % colours}` : "end";
}

export class Awaits {
  constructor() {
    this.by = "time";
    this.zoom = "";  // the path of the box that fills the width
    this.root = element("div", "flame");
    const bar = element("div", "flame-bar");
    const segments = element("div", "segments");
    this.buttons = ["time", "tasks"].map(by => {
      const button = element("button", "", by === "time" ? "time, since it was opened" : "tasks, now");
      button.dataset.by = by;
      button.addEventListener("click", () => {
        this.by = by;
        this.draw();
      });
      segments.append(button);
      return button;
    });
    this.whole = element("button", "link", "show all");
    this.whole.addEventListener("click", () => this.zoomTo(""));
    this.hint = element("p", "muted hint");
    bar.append(segments, this.hint, this.whole);
    this.boxes = element("div", "boxes");
    this.boxes.setAttribute("role", "group");
    this.root.append(bar, this.boxes);
    new ResizeObserver(() => this.draw()).observe(this.boxes);
  }

  show(look) {
    this.look = look;
    this.draw();
  }

  zoomTo(path) {
    this.zoom = path;
    this.draw();
  }

  // Boxes come each before those below it. Gives each its path and its place from 0 to 1.
  layOut() {
    const value = box => this.by === "time" ? box.seconds : box.tasks;
    const laid = [];
    const open = [];  // the boxes above the next one
    let right = 0;    // of the outermost ones
    for (const box of this.look.flame) {
      open.length = Math.min(open.length, box.depth);
      const parent = open[box.depth - 1];
      if (box.depth > 0 && !parent) continue;
      const name = box.place ? `${box.place.name} ${box.place.file}:${box.place.line}` : box.what;
      const left = parent ? parent.next : right;
      const one = {box, name, value: value(box), left, next: left, depth: box.depth,
                   path: `${parent ? parent.path : ""}\n${name}`};
      if (parent) parent.next += one.value; else right += one.value;
      open[box.depth] = one;
      laid.push(one);
    }
    return {laid, total: right};
  }

  draw() {
    if (!this.look || !this.boxes.isConnected) return;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.by === this.by));
    }
    const {laid, total} = this.layOut();
    const zoomed = laid.find(one => one.path === this.zoom);
    const [from, width] = zoomed ? [zoomed.left, zoomed.value] : [0, total];
    this.whole.hidden = !zoomed;
    this.hint.textContent = this.by === "time" ?
      `${duration(total * 1000)} of waiting, all tasks together` : plural(total, "task");
    const pixels = this.boxes.clientWidth;
    const elements = [...this.boxes.children];
    let used = 0;
    for (const one of laid) {
      const left = Math.max(one.left, from);
      const right = Math.min(one.left + one.value, from + width);
      const wide = width > 0 ? (right - left) / width * pixels : 0;
      if (wide < 1.5) continue;
      const made = elements[used] ?? this.makeBox();
      ++used;
      this.fillBox(made, one, (left - from) / width * pixels, wide, total);
    }
    for (const unused of elements.slice(used)) unused.remove();
    this.boxes.style.minHeight = `${(1 + Math.max(0, ...laid.map(one => one.depth))) * 30}px`;
  }

  makeBox() {
    const box = element("button", "box");
    box.append(element("span", "function"), element("span", "line"));
    box.addEventListener("click", () => this.zoomTo(box.dataset.path));
    this.boxes.append(box);
    return box;
  }

  fillBox(made, one, left, wide, total) {
    const {box} = one;
    made.className = `box ${colourOf(box)}`;
    made.dataset.path = one.path;
    made.style.left = `${left}px`;
    made.style.width = `${wide - 1}px`;
    made.style.top = `${box.depth * 30}px`;
    made.firstChild.textContent = box.place ? box.place.name : box.what;
    made.lastChild.textContent = line(box.place);
    const share = total > 0 ? (100 * one.value / total).toFixed(1) : "0";
    made.title = `${one.name}\n${share} %: ${duration(box.seconds * 1000)} of waiting; ` +
      `${plural(box.tasks, "task")} now`;
    made.classList.toggle("narrow", wide < 46);
  }
}
