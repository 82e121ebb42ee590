// The turns, newest first, each with its bars.

import { get } from "./api.js";
import { $, el, time } from "./dom.js";
import { answeredIn, bars, seconds } from "./timeline.js";

export class Turns {
  constructor(persona) {
    this.persona = persona;
    this.list = el("ol", { class: "cards" });
    $("turns").append(el("h2", {}, "Turns"), el("p", { class: "dim" }, "Counted from your last word."), this.list);
  }

  async load() {
    try {
      const { turns } = await get("/api/turns?limit=30");
      this.list.replaceChildren(...turns.map((turn) => this.card(turn)));
      if (!turns.length) this.list.append(el("li", { class: "dim" }, "There was none yet."));
    } catch (error) {
      this.list.replaceChildren(el("li", { class: "dim" }, error.message));
    }
  }

  card(turn) {
    const took = answeredIn(turn.timeline);
    const end = { finished: "heard to its end", barge_in: "you interrupted", stop: "you said stop", superseded: "something else came", failed: "it failed" }[turn.reason] ?? turn.reason;
    return el(
      "li",
      {},
      el("h3", {}, turn.said || `${this.persona()} began`),
      el("p", { class: "dim" }, [time(turn.started_at), took == null ? null : seconds(took), end].filter(Boolean).join(" · ")),
      bars(turn.timeline),
    );
  }
}
