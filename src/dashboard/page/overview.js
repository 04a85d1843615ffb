// The numbers on top, and what must not be overlooked: loops that are blocked, and deadlocks.

import {count, duration, element, line, plural} from "./format.js";
import {totals} from "./model.js";
import {sparkline} from "./plots.js";
import {circleTitle} from "./tree.js";

const blockedAfter = 1000;  // ms
const remembered = 120;     // looks in a small curve

const tiles = [
  {title: "Tasks", value: sum => count(sum.tasks), tone: null,
   more: sum => `${count(sum.waiting)} waiting · ${count(sum.ready)} ready · ${count(sum.running)} running`},
  {title: "Loop lag", value: sum => duration(sum.lag), key: "lag", tone: "--curve-1",
   more: (sum, look) => plural(look.loops.length, "loop")},
  {title: "Ready", value: sum => count(sum.entries), key: "entries", tone: "--curve-2",
   more: sum => `${plural(sum.timers, "timer")} · ${plural(sum.descriptors, "descriptor")}`},
  {title: "Steps a second", value: sum => count(sum.rate), key: "rate", tone: "--curve-0",
   more: () => ""},
];

export class Overview {
  constructor(root, alerts, history, onName) {
    this.alerts = alerts;
    this.history = history;
    this.onName = onName;
    this.said = "";
    this.tiles = tiles.map(tile => {
      const box = element("div", "tile");
      const value = element("strong", "value", "–");
      const more = element("span", "more");
      box.append(element("span", "title", tile.title), value, more);
      const canvas = tile.tone ? element("canvas", "spark") : null;
      if (canvas) box.append(canvas);
      root.append(box);
      return {...tile, box, valueElement: value, moreElement: more, canvas};
    });
  }

  show(look) {
    const sum = totals(look);
    const past = this.history.looks.filter(one => one.at <= look.at).slice(-remembered);
    for (const tile of this.tiles) {
      tile.valueElement.textContent = tile.value(sum);
      tile.moreElement.textContent = tile.more(sum, look);
      if (!tile.canvas) continue;
      const of = loops => tile.key === "lag" ? Math.max(0, ...loops.map(loop => loop.lag)) :
        loops.reduce((all, loop) => all + (loop[tile.key] ?? 0), 0);
      const known = past.filter(one => one.loops.every(loop => loop[tile.key] !== undefined));
      sparkline(tile.canvas, known.map(one => of(one.loops)), tile.tone);
    }
    this.tiles[1].box.classList.toggle("warn", sum.lag >= blockedAfter);
    this.showAlerts(look);
  }

  trouble(text) {
    this.say([this.alert("error", "", text)]);
  }

  showAlerts(look) {
    const alerts = [];
    if (look.error) alerts.push(this.alert("error", "The process cannot be read", look.error));
    for (const circle of look.circles.shown) alerts.push(this.circleAlert(circle));
    const more = look.circles.count - look.circles.shown.length;
    if (more > 0) alerts.push(this.alert("error", "", `and ${plural(more, "more deadlock")}`));
    for (const loop of look.loops) {
      if (loop.busy >= blockedAfter) alerts.push(this.blockedAlert(loop));
    }
    this.say(alerts);
  }

  // Without a change nothing is touched, so that a text can be selected and read out in peace.
  say(alerts) {
    const text = alerts.map(alert => alert.textContent).join("\n");
    if (text === this.said) return;
    this.said = text;
    this.alerts.replaceChildren(...alerts);
  }

  alert(kind, title, text) {
    const alert = element("div", `alert ${kind}`);
    if (title) alert.append(element("strong", "", title));
    if (text) alert.append(element("span", "", text));
    return alert;
  }

  name(name) {
    const button = element("button", "link mono", name);
    button.title = "Show only this task";
    button.addEventListener("click", () => this.onName(name));
    return button;
  }

  blockedAlert(loop) {
    const alert = this.alert("warn", `Loop ${loop.name} is blocked`, `for ${duration(loop.busy)}`);
    if (loop.runs) {
      alert.append(element("span", "", "by"), this.name(loop.runs.name));
      const place = loop.runs.place;
      if (place) alert.append(element("span", "mono muted", `in ${place.name} after ${line(place)}`));
    }
    return alert;
  }

  circleAlert(circle) {
    const alert = this.alert("error", circleTitle(circle), "");
    const chain = element("ol", "chain");
    for (const member of circle.members) {
      const link = element("li", "");
      link.append(this.name(member.name), element("span", "muted", "waits for"),
                  element("span", "mono", member.what ?? "a task"),
                  element("span", "mono muted", line(member.place)));
      chain.append(link);
    }
    if (circle.size > circle.members.length) {
      chain.append(element("li", "muted", `and ${plural(circle.size - circle.members.length, "more task")}`));
    }
    chain.append(element("li", "muted again mono", `↺ ${circle.members[0].name}`));
    alert.append(chain);
    return alert;
  }
}
