// Every actor's state, the engines, and what is being waited for.

import { get } from "./api.js";
import { $, el } from "./dom.js";

const ROLES = { voice_activity: "notices voices", speech_to_text: "hears with", turn_detector: "judges turns with", language_model: "thinks with", text_to_speech: "speaks with" };

export class Actors {
  constructor() {
    this.body = el("div");
    $("actors").append(el("h2", {}, "Actors"), this.body);
  }

  async load() {
    try {
      const status = await get("/api/status");
      const engines = Object.entries(status.engines).filter(([, what]) => what);
      this.body.replaceChildren(
        this.table("Engines", engines.map(([role, what]) => [ROLES[role] ?? role, what, "well"])),
        ...status.sessions.map((session, at) =>
          this.table(at === status.sessions.length - 1 ? "This conversation" : `Conversation ${at + 1}`, [
            ...session.running.map((name) => [name, "runs", "well"]),
            ...session.degraded.map((name) => [name, "keeps failing; it is tried again once a minute", "ill"]),
            ["turns", String(session.turns), ""],
            ["not on disk yet", String(session.waiting), session.waiting ? "ill" : ""],
          ]),
        ),
        ...(status.spending ? [this.table("Today's minds", spending(status.spending))] : []),
        this.table("Harry", [
          ["up for", told(status.up_for), ""],
          ["keeps what is said", status.keeps ? "yes" : "no: all is forgotten at the end", status.keeps ? "well" : "ill"],
          ["conversations that may still begin", String(status.free), ""],
          ...status.degraded.map((name) => [name, "keeps failing", "ill"]),
        ]),
      );
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "dim" }, error.message));
    }
  }

  table(title, rows) {
    const lines = rows.map(([name, what, how]) => el("div", { class: how }, el("dt", {}, name), el("dd", {}, what)));
    return el("section", {}, el("h3", {}, title), el("dl", {}, ...lines));
  }
}

const told = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;

const spending = ({ spent, limits }) => [
  ...spent.map(({ engine, replies, tokens, money }) => [engine, `${replies} replies, ${tokens} tokens, ${money.toFixed(4)}`, ""]),
  ...Object.entries(limits).map(([whose, limit]) => [`limit of ${whose}`, limit, ""]),
];
