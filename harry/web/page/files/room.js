// The room's Harry, at the microphone of his own computer: what he does now, and mute, stop, volume and words for him.

import { get, post } from "./api.js";

const DOING = { speech_started: "hearing", turn_began: "thinking", speaking_started: "speaking", interrupted: "listening", turn_ended: "listening" };

export class Room {
  /** `changed()` is called when it is known to be otherwise. `there` is whether there is a room that is yours. */
  constructor(changed) {
    this.changed = changed;
    this.there = false;
    this.doing = "away";
  }

  async load() {
    try {
      this.take(await get("/api/room"));
    } catch {
      // Without an answer the last one stands; a lost connection is told elsewhere.
    }
  }

  take({ session, state, microphone, muted, off_the_record: off, volume }) {
    Object.assign(this, { there: session != null, session, doing: state, microphone, muted, off, volume });
    this.changed();
  }

  get hears() {
    return this.microphone != null;
  }

  /** mute, unmute, stop, volume, off-the-record, say. Throws what a person should read. */
  async tell(what, body) {
    this.take(await post(`/api/room/${what}`, body));
  }

  /** Something happened there. */
  follow(event) {
    const { event: name } = event;
    if (name === "muted") this.muted = event.muted;
    else if (name === "off_the_record") this.off = event.off;
    else if (name === "volume") this.volume = event.volume;
    else if (name === "resting") this.doing = event.resting ? "resting" : "listening";
    else if (name === "transcript" && !event.partial && this.doing === "hearing") this.doing = "listening";
    else if (DOING[name] && !(name === "speech_started" && this.doing === "speaking")) this.doing = DOING[name];
    else return;
    this.changed();
  }

  /** What he does now, in the words of the page's states. */
  get state() {
    if (this.doing === "thinking" || this.doing === "speaking") return this.doing;
    if (!this.hears) return "ready";
    return this.muted ? "muted" : this.doing === "ready" || this.doing === "muted" ? "listening" : this.doing;
  }
}
