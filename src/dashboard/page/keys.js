// What the keys do; in a field for text only Escape is ours.

export function beginKeys(actions) {
  const keys = {
    "/": () => actions.filter().focus(),
    "?": actions.help,
    p: actions.pause,
    " ": actions.pause,
    t: actions.toggleTheme,
    j: () => actions.move(1),
    k: () => actions.move(-1),
    ArrowDown: () => actions.move(1),
    ArrowUp: () => actions.move(-1),
    Escape: actions.close,
  };
  actions.views.forEach((view, i) => keys[String(i + 1)] = () => actions.setView(view));

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const at = event.target;
    if (at === actions.filter()) {
      if (event.key === "Escape" || event.key === "Enter") at.blur();
      return;
    }
    if (at.tagName === "BUTTON" && event.key === " ") return;  // it presses the button
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
