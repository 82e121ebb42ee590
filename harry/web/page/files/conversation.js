// The conversation as it was heard: what you said, and of Harry's words those that sounded; the others are struck through.

import { $, el, following, time } from "./dom.js";

const MOST = 400; // entries that are kept on the page

export class Conversation {
  constructor(inspect) {
    this.inspect = inspect; // shows a memory where it can be deleted
    this.log = $("log");
    this.said = new Map(); // a user's item -> its text element
    this.replies = new Map(); // a response -> its parts
  }

  /** What was said before this page was opened. */
  earlier(exchanges, persona) {
    this.log.replaceChildren();
    this.said.clear();
    this.replies.clear();
    this.persona = persona;
    for (const each of exchanges) {
      if (each.said.trim()) this.put("you", el("p", {}, each.said));
      if (each.heard.trim()) this.put("harry", el("p", {}, each.heard, each.interrupted ? " …" : ""));
    }
    if (exchanges.length) this.put("mark", el("p", {}, "Earlier"));
    else this.put("mark", el("p", {}, `Say something, or write. ${persona} remembers.`));
  }

  put(kind, ...parts) {
    const entry = el("div", { class: kind }, ...parts);
    following(this.log, () => {
      this.log.append(entry);
      while (this.log.children.length > MOST) this.log.firstChild.remove();
    });
    return entry;
  }

  /** What a voice has said so far, or in all. */
  voice(item, text, { partial, meant }) {
    let words = this.said.get(item);
    if (!words) {
      words = el("p");
      this.said.set(item, words);
      this.put("you", words, el("small", {}, time()));
    }
    following(this.log, () => (words.textContent = text));
    words.parentElement.classList.toggle("partial", partial);
    words.parentElement.classList.toggle("aside", !partial && !meant);
    if (!partial && !meant) words.nextSibling.textContent = `heard, not for me: say ${this.persona}`;
    if (!partial && !text.trim()) words.parentElement.remove();
  }

  typed(text, pictures) {
    const shown = pictures.map((uri) => el("img", { src: uri, alt: "the picture you showed" }));
    this.put("you", ...shown, text ? el("p", {}, text) : null, el("small", {}, time()));
  }

  begin(response) {
    const words = el("p", { class: "unheard" });
    const notes = el("div", { class: "notes" });
    this.replies.set(response, { words, notes, text: "" });
    while (this.replies.size > 64) this.replies.delete(this.replies.keys().next().value);
    this.put("harry", words, notes).hidden = true;
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

  /** How much of it was heard, for good. */
  heard(response, text) {
    const reply = this.replies.get(response);
    if (!reply) return;
    const rest = reply.text.startsWith(text) ? reply.text.slice(text.length) : "";
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

  /** What came to Harry's mind for this reply. */
  remembered(response, memories, thoughts) {
    const reply = this.replies.get(response);
    if (!reply || !memories.length) return; // the thoughts of the day are there each time, and have their own view
    const items = memories.map((text) =>
      el("li", {}, text, " ", el("button", { type: "button", class: "link", onclick: () => this.inspect(text) }, "Find")),
    );
    const thought = thoughts.slice(-5).map((text) => el("li", { class: "thought" }, text));
    const told = memories.length === 1 ? "1 memory" : `${memories.length} memories`;
    reply.notes.append(el("details", {}, el("summary", {}, `${told} came to mind`), el("ul", {}, ...items, ...thought)));
  }

  tool(name, call, outcome) {
    const known = this.log.querySelector(`[data-call="${CSS.escape(call)}"]`);
    const told = outcome ? `${name}: ${outcome}` : `${name} …`;
    if (known) known.textContent = told;
    else this.put("tool", el("p", { "data-call": call }, told));
  }

  /** The time from the last word to the first sound, and the way to the whole of it. */
  took(response, told, show) {
    const reply = this.replies.get(response);
    if (reply) reply.notes.append(el("button", { type: "button", class: "link time", onclick: show }, told));
  }
}
