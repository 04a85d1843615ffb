// Light or dark: as the system says, until the user has chosen.

const key = "asyncio-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it lasts as long as the page.
  }
}

/// Calls `changed` whenever the colours are others.
export function beginTheme(changed) {
  const use = theme => {
    document.documentElement.dataset.theme = theme;
    changed();
  };
  use(stored() ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => {
    if (!stored()) use(dark.matches ? "dark" : "light");
  });
  return function toggle() {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    store(theme);
    use(theme);
  };
}

/// What a variable of style.css is now.
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
