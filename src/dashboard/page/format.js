// Values as people read them, and elements made of text. Whatever comes from the process goes
// through textContent: it is never markup.

export function element(tag, className = "", text = undefined) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/// Milliseconds: "0.4 ms", "350 ms", "12.4 s", "3 min 05 s", "2 h 04 min", "3 d 2 h".
export function duration(ms) {
  if (ms < 0) ms = 0;
  if (ms < 1) return ms === 0 ? "0 ms" : `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = n => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % 60))} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/// 950, "12,400", "1.24 M"
export function count(n) {
  if (n < 1e6) return Math.round(n).toLocaleString("en-US");
  return n < 1e9 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e9).toFixed(2)} G`;
}

export function plural(n, word) {
  return `${count(n)} ${word}${n === 1 ? "" : "s"}`;
}

export function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/// "worker.cpp:48"; "" if it is not known.
export function line(place) {
  if (!place || !place.file) return "";
  return place.line ? `${fileName(place.file)}:${place.line}` : fileName(place.file);
}

/// "function" and "file:line" side by side.
export function placeElement(place) {
  const whole = element("span", "place");
  if (!place) return whole;
  whole.append(element("span", "function", place.name), " ", element("span", "line", line(place)));
  whole.title = place.file ? `${place.name}\n${place.file}:${place.line}` : place.name;
  return whole;
}
