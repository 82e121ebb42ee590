// What was said, newest first: by days, to search, to take away, and how each answer came about.

import { get, remove } from "./api.js";
import { $, day, el, time } from "./dom.js";
import { answeredIn, seconds, waterfall } from "./timeline.js";

const ENDS = {
  barge_in: "you interrupted", stop: "you stopped him", superseded: "you went on to something else",
  failed: "it failed", shutdown: "the conversation ended", finished: "heard to the end",
};

export class History {
  constructor(persona) {
    this.persona = persona;
    this.query = el("input", { type: "search", "aria-label": "Search what was said", placeholder: "Search" });
    this.day = el("select", { "aria-label": "Day", onchange: () => this.load() }, el("option", { value: "" }, "All days"));
    this.save = el("a", { class: "link", download: true }, "Save as Markdown");
    this.told = el("p", { role: "status", class: "dim" });
    this.list = el("ol", { class: "cards" });
    this.drop = el("button", { class: "link danger", hidden: true, onclick: () => this.dropping() }, "Delete this day …");
    this.sure = el("div", { class: "asked", role: "group", hidden: true, onkeydown: ({ key }) => key === "Escape" && this.sure.querySelector(".button:last-child").click() });
    this.more = el("button", { class: "button", hidden: true, onclick: () => this.load(this.next) }, "Earlier");
    const form = el("form", { role: "search", onsubmit: (event) => {
      event.preventDefault();
      this.load();
    } }, this.query, this.day);
    $("history").append(el("div", { class: "row" }, el("h2", {}, "History"), this.save), form, this.drop, this.sure, this.told, this.list, this.more);
  }

  get asked() {
    return new URLSearchParams(Object.entries({ day: this.day.value, query: this.query.value.trim() }).filter(([, value]) => value));
  }

  async load(before = 0) {
    this.drop.hidden = !this.day.value;
    this.sure.hidden = true;
    this.save.href = `api/history.md?${this.asked}`;
    try {
      const asked = this.asked;
      asked.set("limit", "40");
      if (before) asked.set("before", before);
      else await this.days();
      const { turns, next } = await get(`/api/turns?${asked}`);
      if (!before) {
        this.list.replaceChildren();
        this.last = "";
      }
      for (const turn of turns) this.add(turn);
      this.next = next;
      this.more.hidden = next == null;
      this.told.textContent = this.list.children.length ? "" : asked.has("query") || asked.has("day") ? "Nothing was found." : "Nothing was said yet.";
    } catch (error) {
      this.told.textContent = error.message;
    }
  }

  /** Ask first; what is deleted cannot be fetched back. */
  dropping() {
    const chosen = this.day.value, told = this.day.selectedOptions[0].textContent.replace(/ \(\d+\)$/, "");
    const back = () => {
      this.sure.hidden = true;
      this.drop.hidden = !this.day.value;
      (this.drop.hidden ? this.day : this.drop).focus();
    };
    const keep = el("button", { class: "button", onclick: back }, "Keep it");
    const go = el("button", { class: "button danger", onclick: async () => {
      go.disabled = true;
      try {
        const gone = await remove(`/api/days/${chosen}`);
        this.day.value = "";
        await this.load();
        this.told.textContent = `Deleted for good, of ${told}: ${gone.told}.`;
        this.forgotten?.();
      } catch (error) {
        this.told.textContent = error.message;
      }
      back();
    } }, "Delete it for good");
    this.sure.replaceChildren(
      el("p", {}, `${told}: what was said, Harry’s thoughts and journal of that day, and the memories made of them are deleted for good. Timers, reminders and lists stay.`),
      el("div", { class: "row" }, go, keep),
    );
    this.drop.hidden = true;
    this.sure.hidden = false;
    keep.focus();
  }

  async days() {
    const { days } = await get("/api/days");
    const chosen = this.day.value;
    this.day.replaceChildren(el("option", { value: "" }, "All days"), ...days.map((each) =>
      el("option", { value: each.day, selected: each.day === chosen }, `${day(`${each.day}T12:00`)} (${each.turns})`),
    ));
  }

  add(turn) {
    const on = day(turn.started_at);
    if (on !== this.last) this.list.append(el("li", { class: "day" }, el("h3", {}, (this.last = on))));
    this.list.append(this.card(turn));
  }

  card(turn) {
    const took = answeredIn(turn.timeline), bars = waterfall(turn.timeline);
    const about = [time(turn.started_at), took == null ? null : `answered in ${seconds(took)}`, ENDS[turn.reason] ?? turn.reason].filter(Boolean).join(" · ");
    return el(
      "li",
      { "data-turn": turn.id },
      el("h4", {}, turn.said || `${turn.answerer || this.persona()} began`),
      turn.heard.trim() ? el("p", { class: "prose" }, turn.answerer ? `${turn.answerer}: ` : "", turn.heard, turn.interrupted ? " …" : "") : null,
      el("p", { class: "dim" }, about),
      bars && el("details", { open: !this.list.querySelector("details") }, el("summary", { class: "dim" }, "How the answer came about"), bars),
    );
  }
}
