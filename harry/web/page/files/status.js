// How Harry is: what one looks for first, in plain words; engines, conversations and actors are folded away.

import { get } from "./api.js";
import { $, el, keeping, prose, when } from "./dom.js";

const ROLES = { voice_activity: "Notices voices", speech_to_text: "Ear (speech recognition)", turn_detector: "Judges turns", language_model: "Mind (language model)", text_to_speech: "Voice (speech synthesis)" };

export class Status {
  constructor(room, reminders) {
    this.room = room;
    this.reminders = reminders;
    this.body = el("div");
    $("status").append(el("h2", {}, "Status"), this.body);
  }

  async load() {
    try {
      const [status] = await Promise.all([get("/api/status"), this.room.load(), this.reminders.load()]);
      this.show(status);
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "dim" }, error.message));
    }
  }

  show(status) {
    const { room } = this, open = [...this.body.querySelectorAll("details")].map((each) => each.open);
    const ill = [...status.degraded, ...status.sessions.flatMap(({ degraded }) => degraded)];
    const waiting = status.sessions.reduce((sum, each) => sum + each.waiting, 0);
    const set = this.reminders.held.map((each) => this.reminders.row(each));
    const parts = [
      room.there ? this.table("The room", [
        ["Microphone", room.hears ? `${room.microphone}: ${room.muted ? "muted" : "open"}` : "none", room.hears && !room.muted ? "well" : ""],
        ["Harry", room.state === "hearing" ? "hears somebody" : room.state, ""],
        ...(room.off ? [["Off the record", "nothing is kept now", "ill"]] : []),
      ]) : null,
      this.table("Mind (language model)", [["Thinks with", status.without_mind ? "none" : status.engines.language_model ?? "none", status.small_mind ? "ill" : "well"]]),
      status.small_mind ? el("p", { class: "dim" }, `${status.without_mind ? "He tells the time, sets timers, calculates and remembers, but cannot talk about anything else." : "It is a very small one: it knows little and makes things up."} `, ...prose(status.better_minds)) : null,
      el("h3", {}, "Timers and reminders"),
      set.length ? el("dl", {}, ...set) : el("p", { class: "dim" }, "Nothing is set."),
      this.table("Last trouble", status.last_error ? [[when(status.last_error.at), status.last_error.message, "ill"]] : [["Since the start", "none", "well"]]),
      ...(ill.length ? [this.table("Keeps failing", ill.map((name) => [name, "tried again once a minute", "ill"]))] : []),
      this.table("Memory", [
        ["Keeps what is said", status.keeps ? "yes, on this computer" : status.trouble ? "not now: it is tried again" : "no: everything is forgotten when Harry stops", status.keeps ? "well" : "ill"],
        ...(status.trouble ? [["Store", status.trouble, "ill"]] : []),
        ...(waiting ? [["Not on disk yet", String(waiting), "ill"]] : []),
      ]),
      this.folded("Engines", this.table("", Object.entries(status.engines).filter(([, what]) => what).map(([role, what]) => [ROLES[role] ?? role, what, "well"]))),
      ...(status.spending ? [this.folded("What minds took today", this.table("", spending(status.spending)))] : []),
      this.folded("Conversations and their parts", ...status.sessions.map((session, at) => this.table(session.id === room.session ? "The room" : `Conversation ${at + 1}`, [
        ["turns", String(session.turns), ""],
        ...session.running.map((name) => [name, "runs", "well"]),
        ...session.degraded.map((name) => [name, "keeps failing", "ill"]),
      ])), this.table("Harry", [["up for", told(status.up_for), ""], ["free conversations", String(status.free), ""]])),
    ];
    keeping(this.body, () => {
      this.body.replaceChildren(...parts.filter(Boolean));
      this.body.querySelectorAll("details").forEach((each, at) => (each.open = open[at] ?? false));
    });
  }

  folded(title, ...parts) {
    return el("details", {}, el("summary", {}, title), ...parts);
  }

  table(title, rows) {
    const lines = rows.map(([name, what, how]) => el("div", { class: how }, el("dt", {}, name), el("dd", {}, what)));
    return el("section", {}, title ? el("h3", {}, title) : null, el("dl", {}, ...lines));
  }
}

const told = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;

const spending = ({ spent, limits }) => [
  ...spent.map(({ engine, replies, tokens, money }) => [engine, `${replies} replies, ${tokens} tokens, ${money.toFixed(4)}`, ""]),
  ...(spent.length ? [] : [["None has answered", "", ""]]),
  ...Object.entries(limits).map(([whose, limit]) => [whose === "all elsewhere" ? "Daily limit for cloud minds" : `Daily limit of ${whose}`, limit, ""]),
];
