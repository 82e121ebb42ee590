// What the page does your way, kept in this browser; and Harry's configuration as it holds for you, to read.

import { get } from "./api.js";
import { $, el } from "./dom.js";

const USUAL = { theme: "system", volume: 1, aloud: true, interrupt: true };

export class Settings {
  /** `changed(settings)` is told each time that something is set. */
  constructor(changed) {
    this.changed = changed;
    this.now = { ...USUAL };
    try {
      Object.assign(this.now, JSON.parse(localStorage.getItem("harry") ?? "{}"));
    } catch {
      // Nothing was kept, or it is broken: the usual holds.
    }
    this.held = el("div");
    $("settings").append(
      el("h2", {}, "Settings"),
      this.choice("theme", "Colours", { system: "as the system", light: "light", dark: "dark" }),
      this.slider("volume", "Harry's volume", 0, 1.5, 0.05),
      this.box("aloud", "Harry speaks aloud"),
      this.box("interrupt", "He falls silent when I speak"),
      el("h3", {}, "Harry's configuration"),
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

  slider(name, label, min, max, step) {
    return el("label", { class: "setting" }, label, el("input", { type: "range", min, max, step, value: this.now[name], oninput: ({ target }) => this.set(name, Number(target.value)) }));
  }

  box(name, label) {
    return el("label", { class: "setting" }, label, el("input", { type: "checkbox", checked: this.now[name], onchange: ({ target }) => this.set(name, target.checked) }));
  }

  async load() {
    try {
      const { settings } = await get("/api/settings");
      this.held.replaceChildren(
        el("p", { class: "dim" }, "It stands in Harry's configuration file, and is changed there."),
        ...Object.entries(settings).map(([section, held]) =>
          el("details", {}, el("summary", {}, section), el("pre", { tabindex: "0" }, JSON.stringify(held, null, 2))),
        ),
      );
    } catch (error) {
      this.held.replaceChildren(el("p", { class: "dim" }, error.message));
    }
  }
}
