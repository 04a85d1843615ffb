// The connection to the server. Each question is a connection of its own, which begins anew.

import {Model} from "./model.js";

const again = 3000;  // ms, until a connection that was refused is tried again

export class Stream {
  /// onHello(hello), onLook(look, first), onTrouble(text)
  constructor(handlers) {
    this.handlers = handlers;
    this.source = null;
    this.timer = 0;
  }

  ask(query) {
    this.query = query;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(this.query)) {
      if (value) parameters.set(key, value);
    }
    const url = `/events?${parameters}`;
    const model = new Model();
    let first = true;
    const source = new EventSource(url);
    this.source = source;
    source.addEventListener("hello", event => {
      model.reset();  // also when the browser has connected again by itself
      first = true;
      this.handlers.onHello(JSON.parse(event.data));
    });
    source.addEventListener("look", event => {
      if (source !== this.source) return;
      this.handlers.onLook(model.apply(JSON.parse(event.data)), first);
      first = false;
    });
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      this.handlers.onTrouble("disconnected", "The program has ended, or its dashboard was closed.");
      if (source.readyState === EventSource.CLOSED) this.find_out_why(url);
    });
  }

  // An EventSource does not tell why it was refused.
  async find_out_why(url) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), again);
    try {
      const answer = await fetch(url, {method: "HEAD"});
      if (answer.status === 403) {
        this.handlers.onTrouble("refused", "Open the URL that the dashboard has printed: its token is needed.");
      } else if (answer.status === 503) {
        this.handlers.onTrouble("full", "There are too many viewers already; close one of them.");
      }
    } catch {
      // It is gone, as was said.
    }
  }
}
