// What the server has told, put together again: it sends only what has changed.

export class Model {
  constructor() {
    this.reset();
  }

  reset() {
    this.places = new Map();
    this.rows = new Map();
    this.parts = {order: [], tree: [], flame: [], circles: {count: 0, shown: []}};
  }

  /// Returns: what there is to be shown now. It is never changed later, so it can be kept.
  apply(message) {
    if (message.fresh) this.reset();
    for (const [number, name, file, line] of message.places) {
      this.places.set(number, {number, name, file, line});
    }
    for (const part of Object.keys(this.parts)) {
      if (part in message) this.parts[part] = message[part];
    }
    for (const row of message.rows ?? []) {
      row.frames = row.frames.map(number => this.places.get(number));
      row.place = row.frames[row.where];
      this.rows.set(row.id, row);
    }
    const rows = new Map(this.parts.order.map(id => [id, this.rows.get(id)]));
    this.rows = new Map(rows);
    const place = number => this.places.get(number);
    return {
      at: message.at,
      error: message.error ?? "",
      loops: message.loops.map(loop =>
        loop.runs ? {...loop, runs: {...loop.runs, place: place(loop.runs.place)}} : loop),
      circles: {
        count: this.parts.circles.count,
        shown: this.parts.circles.shown.map(circle => ({
          size: circle.size,
          members: circle.members.map(member => ({...member, place: place(member.place)})),
        })),
      },
      matched: message.matched,
      rows: [...rows.values()],
      byId: rows,
      tree: this.parts.tree.map(([id, depth, kind, lock, hidden]) =>
        ({row: rows.get(id), depth, kind, lock, hidden})),
      flame: this.parts.flame.map(([depth, number, tasks, seconds, what]) =>
        ({depth, place: number < 0 ? null : place(number), what, tasks, seconds})),
    };
  }
}

/// Of all loops together.
export function totals(look) {
  const sum = {tasks: 0, running: 0, ready: 0, waiting: 0, entries: 0, rate: 0, lag: 0, timers: 0,
               descriptors: 0};
  for (const loop of look.loops) {
    for (const state of ["running", "ready", "waiting"]) sum[state] += loop.tasks[state];
    for (const key of ["entries", "rate", "timers", "descriptors"]) sum[key] += loop[key] ?? 0;
    sum.lag = Math.max(sum.lag, loop.lag);
  }
  sum.tasks = sum.running + sum.ready + sum.waiting;
  return sum;
}
