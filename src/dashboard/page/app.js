// The page: what is asked of the server, what is shown, and what the user does.

import {Awaits} from "./awaits.js";
import {beginKeys} from "./keys.js";
import {History, Plots} from "./plots.js";
import {Stream} from "./stream.js";
import {Overview} from "./overview.js";
import {showDetails, Tasks} from "./tasks.js";
import {beginTheme} from "./theme.js";
import {Tree} from "./tree.js";
import {plural} from "./format.js";

const $ = id => document.getElementById(id);

const query = {view: "tasks", sort: "since", order: "", text: "", state: ""};
let paused = false;
let shown = null;   // the look that is on the screen
let chosen = null;  // the id of a task
const history_ = new History();
const overview = new Overview($("tiles"), $("alerts"), history_, name => filterBy(name));
const views = {
  tasks: new Tasks(sortBy, choose),
  tree: new Tree(choose),
  awaits: new Awaits(),
  plots: new Plots(history_),
};

const stream = new Stream({
  onHello(hello) {
    $("title").textContent = hello.title;
    document.title = hello.title ? `${hello.title.split(" ")[0]} · asyncio` : "asyncio";
  },
  onLook(look, first) {
    history_.add(look);
    if (!paused || first) show(look);
    status(paused ? "paused" : "live", "");
  },
  onTrouble: status,
});

function status(word, why) {
  $("live").textContent = word;
  $("live").dataset.status = word;
  $("live").title = why;
  if (why) overview.trouble(why);
}

function show(look) {
  shown = look;
  overview.show(look);
  drawView();
}

function drawView() {
  if (!shown) return;
  views[query.view].show(shown, query);
  if (chosen !== null) {
    const row = shown.byId.get(chosen);
    if (row) showDetails($("details"), row, shown, () => choose(null));
  }
  const cut = shown.matched - shown.rows.length;
  $("foot").textContent = query.view !== "tasks" ? "" : cut > 0 ?
    `${plural(shown.rows.length, "task")} of ${shown.matched.toLocaleString("en-US")}; filter to see others` :
    plural(shown.matched, "task");
}

function ask() {
  stream.ask({...query});
}

// --- what the user does ---------------------------------------------------------------------------

function choose(row) {
  chosen = row ? row.id : null;
  views.tasks.chosen = chosen;
  if (query.view === "tasks") views.tasks.list.draw();
  showDetails($("details"), row, shown, () => choose(null));
}

function sortBy(key) {
  const same = query.sort === key;
  query.order = same && query.order !== "down" ? "down" : same ? "" : ["steps", "cpu"].includes(key) ? "down" : "";
  query.sort = key;
  ask();
}

function setView(view) {
  query.view = view;
  location.hash = view;
  for (const tab of $("tabs").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  }
  $("view").setAttribute("aria-labelledby", `tab-${view}`);
  $("view").replaceChildren(views[view].root);
  $("filters").hidden = view === "awaits" || view === "plots";
  if (view === "awaits" || view === "plots") choose(null);
  drawView();
  ask();
}

function setState(state) {
  query.state = state;
  for (const button of $("states").children) {
    button.setAttribute("aria-pressed", String(button.dataset.state === state));
  }
  ask();
}

let typing = 0;
function setText(text) {
  query.text = text.trim();
  clearTimeout(typing);
  typing = setTimeout(ask, 200);
}

function filterBy(name) {
  if (query.view !== "tasks") setView("tasks");
  $("text").value = name;
  setText(name);
}

function pause() {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Resume" : "Pause";
  document.body.classList.toggle("paused", paused);
  status(paused ? "paused" : "live", "");
  if (!paused) ask();
}

const toggleTheme = beginTheme(() => {
  if (shown) show(shown);
});

$("pause").addEventListener("click", pause);
$("theme").addEventListener("click", toggleTheme);
$("help").addEventListener("click", () => $("keys").showModal());
$("text").addEventListener("input", event => setText(event.target.value));
$("tabs").addEventListener("click", event => event.target.dataset.view && setView(event.target.dataset.view));
$("states").addEventListener("click", event => "state" in event.target.dataset && setState(event.target.dataset.state));

beginKeys({
  views: Object.keys(views),
  setView,
  pause,
  toggleTheme,
  filter: () => $("text"),
  move: by => query.view === "tasks" && views.tasks.move(by),
  close: () => choose(null),
  help: () => $("keys").showModal(),
});

const wanted = location.hash.slice(1);
setView(wanted in views ? wanted : "tasks");
