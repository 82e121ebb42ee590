// The views. On a wide window the conversation always stands, and the tabs choose what is beside it.

import { $ } from "./dom.js";

export class Tabs {
  /** `shown[name]()` is called each time that a view comes up. `beside` stands by the conversation at first. */
  constructor(shown, beside, chosen) {
    Object.assign(this, { shown, beside, chosen });
    this.tabs = [...document.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab));
      tab.addEventListener("keydown", (event) => this.key(event));
    }
    this.wide = matchMedia("(min-width: 60rem)");
    this.wide.addEventListener("change", () => this.fit());
    this.fit();
  }

  /** A wide window always shows something beside the conversation. */
  fit() {
    const talk = document.body.dataset.tab === "talk";
    this.choose(talk && this.wide.matches ? $(`tab-${this.beside}`) ?? $("tab-status") : $(`tab-${document.body.dataset.tab}`));
  }

  /** Bring a view up, and whoever goes by keyboard into it. */
  show(name) {
    const shown = this.choose($(`tab-${name}`));
    $(name).focus({ preventScroll: true });
    return shown;
  }

  choose(tab) {
    const name = tab.id.slice(4);
    document.body.dataset.tab = name;
    for (const each of this.tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", chosen);
      each.tabIndex = chosen ? 0 : -1;
      const panel = $(each.getAttribute("aria-controls"));
      panel.hidden = !(chosen || (panel.id === "talk" && this.wide.matches));
    }
    if (name !== "talk") this.chosen((this.beside = name));
    return this.shown[name]?.();
  }

  key(event) {
    const usable = this.tabs.filter((each) => each.offsetParent);
    const at = usable.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to == null) return;
    event.preventDefault();
    const tab = usable.at(to % usable.length);
    tab.focus();
    this.choose(tab);
  }
}
