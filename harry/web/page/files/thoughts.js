// The stream of consciousness as it grows, and that of earlier days; the journal of the day beside it.

import { get } from "./api.js";
import { $, el, following, time } from "./dom.js";

export class Thoughts {
  constructor() {
    this.list = el("ol", { class: "stream" });
    this.day = el("select", { "aria-label": "Day", onchange: () => this.load() }, el("option", { value: "today" }, "Today"));
    this.journal = el("div");
    $("thoughts").append(
      el("div", { class: "row" }, el("h2", {}, "Thoughts"), this.day),
      el("p", { class: "dim" }, "Notes that Harry writes for himself between your turns, his stream of consciousness. They colour what he says."),
      this.list, this.journal,
    );
  }

  async load() {
    const day = this.day.value;
    try {
      const { thoughts, days } = await get(`/api/soc?day=${encodeURIComponent(day)}`);
      const known = [...this.day.options].map((each) => each.value).concat(new Date().toLocaleDateString("sv")); // that of today
      for (const each of days) if (!known.includes(each)) this.day.append(el("option", { value: each }, each));
      this.list.replaceChildren(...thoughts.map((each) => this.line(each.text, each.at)));
      if (!thoughts.length) this.list.append(el("li", { class: "dim none" }, day === "today" ? "Nothing yet today." : "Nothing on that day."));
      $("thoughts").scrollTop = $("thoughts").scrollHeight;
      const written = await get(`/api/journal?day=${encodeURIComponent(day)}`);
      this.journal.replaceChildren(...(written.text ? [el("h3", {}, "Journal"), el("p", { class: "prose" }, written.text)] : []));
    } catch (error) {
      this.list.replaceChildren(el("li", { class: "dim none" }, error.message));
    }
  }

  line(text, at) {
    return el("li", {}, el("time", {}, time(at)), el("p", { class: "prose" }, text));
  }

  add(text) {
    if (this.day.value !== "today") return;
    this.list.querySelector(".none")?.remove();
    following($("thoughts"), () => this.list.append(this.line(text)));
  }
}
