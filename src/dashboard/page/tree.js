// Who waits for whom, and who has the lock that somebody waits for.

import {count, element, placeElement, plural} from "./format.js";
import {List} from "./list.js";
import {stay} from "./tasks.js";

export class Tree {
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.root = element("div", "tree");
    this.list = new List(() => this.makeLine(), (...line) => this.fillLine(...line));
    this.list.root.setAttribute("aria-label", "Who waits for whom");
    this.nothing = element("p", "nothing");
    this.root.append(this.list.root, this.nothing);
  }

  show(look, query) {
    this.look = look;
    const lines = look.tree.filter(line => line.row);
    this.nothing.textContent = lines.length > 0 ? "" :
      query.text || query.state ? "No task matches." : "No task waits for another one.";
    this.list.set(lines);
  }

  makeLine() {
    const line = element("div", "row line-of-tree");
    const name = element("span", "cell name");
    name.append(element("span", "indent"), element("i", "dot"), element("span", "text"),
                element("span", "tag"));
    line.append(name, element("span", "cell what"), element("span", "cell place"),
                element("span", "cell since"));
    line.addEventListener("click", () => this.onChoose(this.look.byId.get(line.dataset.id)));
    return line;
  }

  fillLine(element_, {row, depth, kind, lock, hidden}) {
    const [name, what, where, since] = element_.children;
    const [indent, , text, tag] = name.children;
    element_.dataset.id = row.id;
    element_.dataset.state = row.state;
    element_.classList.toggle("circle", Boolean(row.circle));
    element_.classList.toggle("seen", kind === "seen");
    indent.textContent = "";
    for (let i = 0; i < depth; ++i) indent.append(element("i", "rail"));
    text.textContent = row.name;
    const tags = [];
    if (lock) tags.push("has the lock");
    if (kind === "circle") tags.push("↺ waits in a circle");
    if (kind === "seen") tags.push("see above");
    if (hidden > 0) tags.push(`and ${plural(hidden, "more task")} below`);
    tag.textContent = tags.join(" · ");
    tag.hidden = tags.length === 0;
    what.textContent = row.what ?? row.state;
    where.replaceChildren(placeElement(row.place));
    since.textContent = stay(row, this.look.at);
  }
}

/// "4 tasks wait for each other"
export function circleTitle(circle) {
  return circle.size === 1 ? "A task waits for itself" :
    `Deadlock: ${count(circle.size)} tasks wait for each other`;
}
