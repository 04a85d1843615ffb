// A long list of which only what is visible is in the document.

import {element} from "./format.js";

const beyond = 6;  // rows above and below, so that scrolling shows no holes

export class List {
  /// make() gives the element of a row, fill(element, item, index) puts an item into it.
  constructor(make, fill) {
    this.make = make;
    this.fill = fill;
    this.items = [];
    this.shown = new Map();  // index -> element
    this.spare = [];
    this.root = element("div", "list");
    this.root.tabIndex = 0;
    this.space = element("div", "space");
    this.root.append(this.space);
    this.root.addEventListener("scroll", () => this.draw(), {passive: true});
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  set(items) {
    this.items = items;
    this.draw();
  }

  get rowHeight() {
    return parseFloat(getComputedStyle(this.root).getPropertyValue("--row")) || 36;
  }

  draw() {
    const height = this.rowHeight;
    this.space.style.height = `${this.items.length * height}px`;
    const first = Math.max(0, Math.floor(this.root.scrollTop / height) - beyond);
    const last = Math.min(this.items.length,
                          Math.ceil((this.root.scrollTop + this.root.clientHeight) / height) + beyond);
    for (const [index, row] of this.shown) {
      if (index >= first && index < last) continue;
      this.shown.delete(index);
      this.spare.push(row);
      row.hidden = true;
    }
    for (let index = first; index < last; ++index) {
      let row = this.shown.get(index);
      if (!row) {
        row = this.spare.pop();
        if (!row) {
          row = this.make();
          this.space.append(row);
        }
        row.hidden = false;
        row.style.transform = `translateY(${index * height}px)`;
        this.shown.set(index, row);
      }
      this.fill(row, this.items[index], index);
    }
  }

  scrollTo(index) {
    const height = this.rowHeight;
    const top = index * height;
    const view = this.root;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + height > view.scrollTop + view.clientHeight) {
      view.scrollTop = top + height - view.clientHeight;
    }
  }
}
