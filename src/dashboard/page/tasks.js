// The table of tasks, and what is known of the one that is chosen.

import {count, duration, element, line, placeElement, plural} from "./format.js";
import {List} from "./list.js";

const columns = [
  ["name", "Task", ""],
  ["what", "Waits for", ""],
  ["place", "Where", "the innermost place that is not the library's own"],
  ["since", "For", "since when it has been seen there"],
  ["steps", "Steps", "since the page was opened"],
  ["cpu", "CPU", "time of the processor, since the page was opened"],
];

/// "≥ 12.4 s": it was there already when somebody began to look.
export function stay(row, at) {
  return at === row.since ? "now" : (row.longer ? "≥ " : "") + duration(at - row.since);
}

// The length of its bar: as many times as long, so much longer.
function share(ms) {
  return Math.min(1, Math.max(0, Math.log10(1 + ms / 100) / 5));
}

export class Tasks {
  /// onSort(key), onChoose(row or null)
  constructor(onSort, onChoose) {
    this.onChoose = onChoose;
    this.chosen = null;
    this.look = null;
    this.root = element("div", "tasks");
    this.head = element("div", "row head");
    this.head.setAttribute("role", "row");
    for (const [key, title, hint] of columns) {
      const cell = element("button", `cell ${key}`, title);
      cell.dataset.sort = key;
      cell.title = hint;
      cell.addEventListener("click", () => onSort(key));
      this.head.append(cell);
    }
    this.list = new List(() => this.makeRow(), (...row) => this.fillRow(...row));
    this.list.root.setAttribute("role", "listbox");
    this.list.root.setAttribute("aria-label", "Tasks");
    this.nothing = element("p", "nothing");
    this.root.append(this.head, this.list.root, this.nothing);
  }

  show(look, query) {
    this.look = look;
    for (const cell of this.head.children) {
      const sorted = cell.dataset.sort === query.sort;
      cell.classList.toggle("sorted", sorted);
      cell.classList.toggle("down", sorted && query.order === "down");
    }
    this.nothing.textContent = look.rows.length > 0 ? "" :
      query.text || query.state ? "No task matches." : "There are no tasks.";
    const counted = look.rows.length === 0 || look.rows.some(row => row.steps !== undefined);
    this.root.classList.toggle("uncounted", !counted);
    this.list.set(look.rows);
  }

  makeRow() {
    const row = element("div", "row");
    row.setAttribute("role", "option");
    const name = element("span", "cell name");
    name.append(element("i", "dot"), element("span", "text"));
    const since = element("span", "cell since");
    since.append(element("span", "text"), element("i", "stay"));
    row.append(name, element("span", "cell what"), element("span", "cell place"), since,
               element("span", "cell steps"), element("span", "cell cpu"));
    row.addEventListener("click", () => this.choose(row.dataset.id));
    return row;
  }

  fillRow(element, row) {
    const [name, what, where, since, steps, cpu] = element.children;
    element.dataset.id = row.id;
    element.dataset.state = row.state;
    element.classList.toggle("circle", Boolean(row.circle));
    element.setAttribute("aria-selected", String(row.id === this.chosen));
    name.lastChild.textContent = row.name;
    name.title = `${row.name}\n${row.state}`;
    what.textContent = row.what ?? (row.state === "waiting" ? "" : row.state);
    what.classList.toggle("state", !row.what);
    where.replaceChildren(placeElement(row.place));
    since.firstChild.textContent = stay(row, this.look.at);
    since.lastChild.style.transform = `scaleX(${share(this.look.at - row.since)})`;
    steps.textContent = row.steps === undefined ? "" : count(row.steps);
    cpu.textContent = row.cpu === undefined ? "" : duration(row.cpu);
  }

  choose(id) {
    this.chosen = id === this.chosen ? null : id;
    this.list.draw();
    this.onChoose(this.look.byId.get(this.chosen) ?? null);
  }

  /// By so many rows down.
  move(by) {
    const rows = this.look?.rows ?? [];
    if (rows.length === 0) return;
    const now = rows.findIndex(row => row.id === this.chosen);
    const next = Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + by));
    this.chosen = null;
    this.choose(rows[next].id);
    this.list.scrollTo(next);
  }
}

/// The chosen task with its whole stack.
export function showDetails(panel, row, look, onClose) {
  panel.hidden = !row;
  if (!row) return panel.replaceChildren();
  const head = element("header", "");
  const close = element("button", "button icon", "×");
  close.title = "Close (Esc)";
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", onClose);
  head.append(element("h2", "", row.name), close);

  const facts = element("dl", "facts");
  const fact = (name, value) => facts.append(element("dt", "", name), element("dd", "", value));
  const state = element("dd", `state ${row.state}`, row.state);
  facts.append(element("dt", "", "state"), state);
  fact("for", stay(row, look.at));
  if (row.what) fact("waits for", row.what);
  fact("loop", look.loops[row.loop]?.name ?? "");
  fact("steps", row.steps === undefined ? "not known of another process" : count(row.steps));
  fact("CPU", row.cpu === undefined ? "not known of another process" : duration(row.cpu));
  fact("id", row.id);

  const stack = element("ol", "stack");
  for (const place of row.frames) {
    const frame = element("li", place === row.place ? "where" : "");
    frame.append(element("span", "function", place.name), element("span", "line", line(place)));
    frame.title = `${place.file}:${place.line}`;
    stack.append(frame);
  }
  const parts = [head, facts, element("h3", "", "Stack, innermost first"), stack];
  if (row.awaits) {
    const list = element("ul", "awaits");
    for (const awaited of row.awaits) {
      const item = element("li", "", awaited.name);
      if (awaited.lock) item.append(element("span", "tag", "has the lock"));
      list.append(item);
    }
    const more = row.awaited - row.awaits.length;
    if (more > 0) list.append(element("li", "muted", `and ${plural(more, "more task")}`));
    parts.push(element("h3", "", "Waits for tasks"), list);
  }
  panel.replaceChildren(...parts);
}
