// A real mind for whoever has none: asked once above everything, always to be found in the settings, fetched on a yes.

import { get, post, stream } from "./api.js";
import { el, notice, prose } from "./dom.js";

const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

export class Mind {
  constructor() {
    this.held = el("div", { class: "mind" });
    this.offer = {};
    this.done = this.failed = "";
  }

  /** Look what is on offer; somebody whose Harry it is not is offered nothing. `asking`: also above everything. */
  async load(asking = false) {
    if (!this.bar) this.offer = await get("/api/mind").catch(() => ({}));
    this.asking = asking || this.asking;
    this.show();
  }

  show() {
    const { model, reason, declined, under_way: elsewhere } = this.offer;
    const told = this.bar ? "It is being fetched." : this.done || (elsewhere ? `${model.name} is being fetched on another page.` : "");
    this.held.replaceChildren(...(model || reason || this.done
      ? [el("h4", {}, "Language model"), ...(told ? [el("p", {}, told)] : model ? this.question(model.about) : [el("p", { class: "dim" }, ...prose(reason))])]
      : []));
    if (this.bar || (this.asking && told)) notice("mind", this.bar ?? told);
    else if (this.asking && model && !declined) notice("mind", ...this.question());
    else notice("mind", "");
  }

  question(about = "") {
    const { name, size, memory, licence } = this.offer.model;
    const yes = el("button", { class: "button", onclick: () => this.fetch() }, "Fetch it");
    const no = this.offer.declined ? "" : el("button", { class: "link", onclick: () => this.decline() }, "No, do not ask again");
    return [
      el("span", {}, `Harry has no language model: he tells the time, sets timers, calculates and remembers, but cannot talk. ${about} It takes ${gigabytes(memory)} of memory, runs on Harry’s computer alone, and is free (${licence}). Fetch ${name} now, ${gigabytes(size)}?`),
      this.failed ? el("p", { class: "danger", role: "status" }, this.failed) : "",
      el("span", { class: "row" }, yes, no),
    ];
  }

  async decline() {
    this.offer = await post("/api/mind/decline").catch((error) => {
      this.failed = error.message;
      return this.offer;
    });
    this.show();
  }

  async fetch() {
    const { name, size } = this.offer.model;
    const bar = el("progress", { max: size, value: 0, "aria-label": `Fetching ${name}` });
    const told = el("span", { class: "dim", "aria-live": "off" }); // not each hundredth aloud
    this.failed = "";
    this.bar = el("span", {}, `Fetching ${name}. Keep this page open; Harry goes on meanwhile. `, bar, " ", told);
    this.show();
    try {
      let ended = false;
      for await (const { event, data } of stream("/api/mind/fetch")) {
        if (event === "progress") {
          bar.value = data.done;
          bar.max = data.total || size;
          told.textContent = `${Math.floor(100 * bar.position)} % of ${gigabytes(bar.max)}`;
        }
        ended ||= event !== "progress";
        if (event === "done") this.done = `${data.name} is here: Harry thinks with it from his next answer on.`;
        if (event === "failed") this.failed = `${name} was not fetched. ${data.message}`;
      }
      if (!ended) this.failed = `${name} was not fetched whole: the connection broke. Fetch it again, and it goes on.`;
    } catch (error) {
      this.failed = `${name} was not fetched. ${error.message}`;
    }
    this.bar = null;
    this.asking = this.asking && Boolean(this.done);
    if (this.failed) notice("error", this.failed);
    await this.load();
  }
}
