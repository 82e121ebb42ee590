// What the page does your way, kept in this browser; and the few settings of Harry's own that may be changed here.

import { get, post } from "./api.js";
import { $, el, prose } from "./dom.js";
import { Mind } from "./mind.js";

const USUAL = { theme: "system", volume: 1, aloud: true, interrupt: true, place: "here", tab: "status" };

const CHOICES = { default: "the computer’s default", none: "none" };

export class Settings {
  /** `changed(settings)` is told each time that something of this browser's is set. */
  constructor(changed) {
    this.changed = changed;
    this.now = { ...USUAL };
    try {
      Object.assign(this.now, JSON.parse(localStorage.getItem("harry") ?? "{}"));
    } catch {
      // Nothing was kept, or it is broken: the usual holds.
    }
    this.mind = new Mind();
    this.held = el("div", {}, el("p", { class: "dim" }, "Asking Harry …"));
    $("settings").append(
      el("h2", {}, "Settings"),
      el("h3", {}, "This browser"),
      this.choice("theme", "Theme", { system: "match system", light: "light", dark: "dark" }),
      this.box("aloud", "Speak aloud here"),
      this.box("interrupt", "Let me interrupt"),
      this.notifying(),
      this.held,
    );
    this.apply();
  }

  set(name, value) {
    this.now[name] = value;
    try {
      localStorage.setItem("harry", JSON.stringify(this.now));
    } catch {
      // A browser that keeps nothing forgets it at the end.
    }
    this.apply();
    this.changed(this.now);
  }

  apply() {
    document.documentElement.dataset.theme = this.now.theme;
  }

  choice(name, label, options) {
    const made = Object.entries(options).map(([value, told]) => el("option", { value, selected: this.now[name] === value }, told));
    return el("label", { class: "setting" }, label, el("select", { onchange: ({ target }) => this.set(name, target.value) }, ...made));
  }

  box(name, label) {
    return el("label", { class: "setting" }, label, el("input", { type: "checkbox", checked: this.now[name], onchange: ({ target }) => this.set(name, target.checked) }));
  }

  /** Browsers ask only when somebody has pressed something. */
  notifying() {
    const { Notification } = globalThis;
    if (!Notification) return null;
    const told = () => ({ granted: "on", denied: "blocked by the browser" })[Notification.permission] ?? "";
    const state = el("span", { class: "dim" }, told());
    const button = el("button", { class: "button", hidden: Notification.permission !== "default", onclick: async () => {
      await Notification.requestPermission();
      state.textContent = told();
      button.hidden = Notification.permission !== "default";
    } }, "Switch on");
    return el("div", { class: "setting" }, el("span", {}, "Notifications"), state, button);
  }

  async load() {
    this.mind.load();
    try {
      const { settings, file, changeable } = await get("/api/settings");
      const mine = changeable.length
        ? [el("p", { class: "dim" }, "Written into ", el("code", {}, file), ", checked before. Everything else is changed there."), ...changeable.map((each) => this.own(each))]
        : [el("p", { class: "dim" }, "The person whose Harry this is changes these.")];
      const whole = Object.entries(settings).map(([section, held]) =>
        el("details", {}, el("summary", {}, section), el("pre", { tabindex: "0" }, JSON.stringify(held, null, 2))));
      this.held.replaceChildren(el("h3", {}, "Harry himself"), this.mind.held, ...mine, el("details", {}, el("summary", {}, "The whole configuration"), ...whole));
    } catch (error) {
      this.held.replaceChildren(el("p", { class: "dim" }, error.message));
    }
  }

  /** One of Harry's own, and what became of a change. */
  own({ key, title, kind, hint, live, value, written, choices }) {
    const id = `set-${key.replaceAll(".", "-")}`;
    const now = written ?? value, common = { id, "aria-describedby": `${id}-hint` };
    const input = kind === "choice"
      ? el("select", common, ...choices.map((each) => el("option", { value: each, selected: each === now }, CHOICES[each] ?? each)))
      : el("input", { ...common, ...(kind === "switch" ? { type: "checkbox", checked: now } : { type: kind === "number" ? kind : "text", step: "any", value: now, autocomplete: "off" }) });
    const told = el("span", { role: "status" }, written !== value ? " From the next start on." : "");
    const save = el("button", { type: "submit", class: "button", "aria-label": `Save: ${title}` }, "Save");
    return el("form", { class: `change ${kind}`, onsubmit: async (event) => {
      event.preventDefault();
      const typed = input.value.trim();
      const wanted = kind === "switch" ? input.checked : kind !== "number" ? typed : typed ? Number(typed) : null;
      try {
        await post("/api/settings", { changes: { [key]: wanted } });
        told.textContent = live ? " Saved; it holds now." : " Saved; it holds after a restart of Harry.";
        told.className = "";
      } catch (error) {
        told.textContent = ` ${error.message}`;
        told.className = "danger";
      }
    } }, el("label", { for: id }, title), input, save, el("p", { class: "dim", id: `${id}-hint` }, ...prose(hint), told));
  }
}
