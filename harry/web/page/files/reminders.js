// Timers, alarms and reminders: listed with the time that is left; one that rings is told, to be stopped or snoozed.

import { get, post, remove } from "./api.js";
import { $, el, keeping, notice, when } from "./dom.js";
import { notify } from "./notify.js";

const SOON = 3600_000; // milliseconds: what is due within stands by the conversation
const OVER = ["stopped", "cancelled", "snoozed"];

const left = ({ paused, left: seconds, due }) => {
  const rest = Math.max(0, Math.round(paused ? seconds : (new Date(due) - Date.now()) / 1000));
  const [hours, minutes] = [Math.floor(rest / 3600), Math.floor((rest % 3600) / 60)];
  return `${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${String(rest % 60).padStart(2, "0")}`;
};

const named = ({ kind, text, name }) => name || text || kind[0].toUpperCase() + kind.slice(1);

export class Reminders {
  constructor() {
    this.held = [];
    this.told = new Set(); // ids of those that rang
    this.strip = $("timers");
  }

  async load() {
    this.held = await get("/api/reminders").then(({ reminders }) => reminders, () => this.held); // it may be lost for a while
    for (const each of this.held) if (each.ringing) this.ring(each);
    clearInterval(this.ticking);
    const soon = this.held.filter(({ due, ringing }) => ringing || due == null || new Date(due) - Date.now() < SOON).slice(0, 3);
    const clocks = soon.map((each) => [each, el("time", { role: "timer" }, left(each))]);
    keeping(this.strip, () => {
      this.strip.replaceChildren(...clocks.map(([each, clock]) =>
        el("li", {}, el("span", {}, named(each)), each.ringing ? "rings" : clock, each.paused ? "paused" : null, this.button(each))));
      this.strip.hidden = !soon.length;
    });
    const tick = () => clocks.forEach(([each, clock]) => (clock.textContent = left(each)));
    if (soon.length) this.ticking = setInterval(tick, 1000);
  }

  /** A line for a list of all of them. */
  row(each) {
    const at = each.ringing ? "rings now" : each.due ? when(each.due) : `paused, ${left(each)} left`;
    return el("div", {}, el("dt", {}, named(each)), el("dd", {}, at, " ", this.button(each)));
  }

  button(each) {
    return this.does(each.ringing ? "Stop" : "Cancel", each);
  }

  does(what, each) {
    const path = `/api/reminders/${encodeURIComponent(each.id)}`;
    return el("button", { class: "link", "aria-label": `${what}: ${named(each)}`, onclick: async () => {
      await (what === "Cancel" ? remove(path) : post(`${path}/${what.toLowerCase()}`)).then(() => notice(`rings-${each.id}`, ""), (error) => notice("reminder", error.message));
      await this.load();
      this.changed?.();
    } }, what);
  }

  /** Something became of one: it is told in each conversation, and shown once. */
  follow(event) {
    if (event.state === "ringing") this.ring(event);
    else if (event.state === "told") notice(`rings-${event.id}`, `${event.words} (${when(Date.now())})`); // nobody was there
    else if (OVER.includes(event.state)) notice(`rings-${event.id}`, "");
    this.load();
  }

  ring(each) {
    if (this.told.has(each.id)) return;
    this.told.add(each.id);
    const said = each.words || named(each);
    notice(`rings-${each.id}`, `${said} `, this.does("Stop", each), " ", this.does("Snooze", each));
    notify(said, each.id);
  }
}
