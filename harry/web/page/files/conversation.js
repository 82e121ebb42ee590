// The conversation as it was heard: what you said, and of Harry's words those that sounded; the others are struck through.
// Those of your other conversations say where they fell.

import { $, announce, day, el, following, time } from "./dom.js";

const MOST = 400; // entries that are kept on the page
const PLACES = { room: "in the room", window: "in another window" };

export class Conversation {
  /** `inspect(text)` shows a memory in its view; `quiet()`: no screen reader is to read replies. */
  constructor(inspect, quiet) {
    Object.assign(this, { inspect, quiet });
    this.log = $("log");
    this.said = new Map(); // an utterance -> its text element
    this.replies = new Map(); // a response -> its parts
    const newer = $("newer");
    newer.addEventListener("click", () => following(this.log, () => {}, true));
    this.log.addEventListener("grown", () => (newer.hidden = false));
    this.log.addEventListener("caughtup", () => (newer.hidden = true));
  }

  /** What was said before this page was opened: oldest first, each with `at` where that is known. */
  earlier(exchanges, persona, more) {
    this.log.replaceChildren();
    this.said.clear();
    this.replies.clear();
    this.persona = persona;
    this.day = "";
    if (exchanges.length && more) this.put("mark", null, el("button", { class: "link", onclick: more }, "Earlier conversations"));
    for (const { said, heard, interrupted, at } of exchanges) {
      const stamp = at ? el("small", {}, el("time", { datetime: at }, time(at))) : null;
      if (said.trim()) this.put("you", at ?? null, el("p", {}, said), stamp);
      if (heard.trim()) this.put("harry", at ?? null, el("p", {}, heard, interrupted ? " …" : ""), said.trim() ? null : stamp);
    }
  }

  put(kind, at, ...parts) {
    const [who] = kind.split(" "), whose = { you: "You", harry: this.persona }[who];
    const entry = el("div", { class: kind }, whose ? el("span", { class: "reader" }, `${whose}: `) : null, ...parts);
    following(this.log, () => {
      if (at !== null && this.day !== day(at)) {
        this.day = day(at);
        this.log.append(el("h2", { class: "day" }, this.day));
      }
      this.log.append(entry);
      while (this.log.children.length > MOST) this.log.firstChild.remove();
    }, kind.startsWith("you own"));
    return entry;
  }

  /** What a voice has said so far, or in all. `place`: where, if not here. `amends`: what these words take the place of. */
  voice(utterance, text, { partial, meant, place, amends }) {
    let words = this.said.get(utterance);
    if (!words) {
      words = el("p");
      this.said.set(utterance, words);
      while (this.said.size > 64) this.said.delete(this.said.keys().next().value);
      this.put("you", Date.now(), words, el("small", {}, ...stamp(place)));
    }
    following(this.log, () => (words.textContent = text));
    const entry = words.parentElement;
    entry.classList.toggle("partial", partial);
    entry.classList.toggle("aside", !partial && !meant);
    if (!partial && !meant) words.nextSibling.textContent = `heard${place ? ` ${PLACES[place]}` : ""}, not for me: say ${this.persona}`;
    if (amends) this.replace(this.said.get(amends)?.parentElement, entry);
    if (!partial && !text.trim()) entry.remove();
  }

  /** An utterance went on: its first half goes, and answers to that of which nothing was heard. */
  replace(old, entry) {
    if (!old || old === entry) return;
    for (let at = old.nextElementSibling; at && at !== entry; ) {
      const next = at.nextElementSibling;
      if (at.classList.contains("harry") && !at.dataset.heard) at.remove();
      at = next;
    }
    old.remove();
  }

  typed(text, pictures) {
    const shown = pictures.map((uri) => el("img", { src: uri, alt: "the picture you showed" }));
    this.put("you own", Date.now(), ...shown, text ? el("p", {}, text) : null, el("small", {}, time()));
  }

  /** What stands in an empty conversation, read from its beginning. */
  first(content) {
    this.put("first", null, content);
    this.log.scrollTop = 0;
    $("newer").hidden = true;
  }

  /** A line that nobody said: what a command has done. */
  mark(text) {
    announce(text);
    this.put("mark", null, el("p", {}, text));
  }

  begin(response, place = "") {
    const words = el("p", { class: "unheard" });
    const notes = el("div", { class: "notes" }, place ? el("span", {}, PLACES[place]) : null);
    this.replies.set(response, { words, notes, place, text: "", known: null });
    while (this.replies.size > 64) this.replies.delete(this.replies.keys().next().value);
    this.put("harry", Date.now(), words, notes).hidden = true;
  }

  /** More words that Harry is going to say: pale until they have sounded. */
  word(response, delta, written) {
    const reply = this.replies.get(response);
    if (!reply) return;
    reply.text += delta;
    following(this.log, () => {
      reply.words.parentElement.hidden = false;
      reply.words.textContent = reply.text;
      reply.words.classList.toggle("unheard", !written);
    });
  }

  /** What Harry says in a reply, as far as it is known. */
  text(response) {
    return this.replies.get(response)?.text.trim() ?? "";
  }

  /** How much of it was heard, for good. */
  heard(response, text) {
    const reply = this.replies.get(response);
    if (!reply) return;
    reply.known = text;
    const rest = reply.text.startsWith(text) ? reply.text.slice(text.length) : "";
    if (text.trim()) reply.words.parentElement.dataset.heard = "yes";
    following(this.log, () => {
      reply.words.classList.remove("unheard");
      reply.words.replaceChildren(text);
      if (rest.trim()) {
        const space = rest.match(/^\s*/)[0]; // the line through the words does not begin before them
        const unsaid = el("del", {}, rest.slice(space.length));
        reply.words.append(space, el("span", { class: "reader" }, " Not heard: "), unsaid);
      }
      reply.words.parentElement.hidden = !reply.text.trim();
    });
  }

  /** It is over: what did not sound never will, and a screen reader says the whole once. */
  over(response) {
    const reply = this.replies.get(response);
    if (!reply?.text) return;
    if (reply.known === null && reply.words.matches(".unheard")) this.heard(response, "");
    const said = reply.known ?? reply.text;
    if (said.trim() && !this.quiet()) announce(`${this.persona}${reply.place && ` ${PLACES[reply.place]}`}: ${said}`);
    this.replies.delete(response);
  }

  /** What came to Harry's mind for this reply. */
  remembered(response, memories, thoughts) {
    const reply = this.replies.get(response);
    if (!reply || !memories.length) return; // the thoughts of the day are there each time, and have their own view
    const items = memories.map((text) =>
      el("li", {}, text, " ", el("button", { class: "link", onclick: () => this.inspect(text) }, "Find")),
    );
    const thought = thoughts.slice(-5).map((text) => el("li", { class: "thought" }, text));
    const told = memories.length === 1 ? "1 memory" : `${memories.length} memories`;
    const opened = ({ target }) => target.open && target.scrollIntoView({ block: "nearest" });
    this.note(reply, el("details", { ontoggle: opened }, el("summary", {}, `${told} came to mind`), el("ul", {}, ...items, ...thought)));
  }

  tool(name, call, outcome) {
    const known = this.log.querySelector(`[data-call="${CSS.escape(call)}"]`);
    const told = outcome ? `${name}: ${outcome}` : `${name} …`;
    if (known) known.textContent = told;
    else this.put("tool", Date.now(), el("p", { "data-call": call }, told));
  }

  /** The time from the last word to the first sound, and the way to the whole of it. */
  took(response, told, show) {
    const reply = this.replies.get(response);
    if (reply) this.note(reply, el("button", { class: "link time", onclick: show }, `answered in ${told}`));
  }

  note(reply, made) {
    following(this.log, () => reply.notes.append(made));
  }
}

const stamp = (place) => [time(), place ? ` · ${PLACES[place]}` : ""];
