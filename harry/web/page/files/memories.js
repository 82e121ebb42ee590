// What Harry remembers: searched, looked at, deleted for good; and the lore that words call up.

import { get, remove } from "./api.js";
import { $, el, when } from "./dom.js";

export class Memories {
  constructor() {
    this.query = el("input", { type: "search", "aria-label": "Search memories", placeholder: "Search" });
    this.list = el("ol", { class: "cards" });
    this.more = el("button", { type: "button", hidden: true, onclick: () => this.load(this.next) }, "More");
    this.told = el("p", { role: "status", class: "dim" });
    this.lore = el("div");
    const form = el("form", { role: "search", onsubmit: (event) => {
      event.preventDefault();
      this.load();
    } }, this.query);
    $("memories").append(el("h2", {}, "Memories"), form, this.told, this.list, this.more, this.lore);
  }

  /** Search for the words of a memory that came to mind: "3 weeks ago, Ann: ..." stands before some of them. */
  find(text) {
    this.query.value = text.slice(0, 300);
    return this.load();
  }

  async load(after = 0) {
    const words = this.query.value.trim();
    const path = words ? `/api/memories?limit=20&query=${encodeURIComponent(words)}` : `/api/memories?after=${after}`;
    try {
      const { memories, next } = await get(path);
      const cards = memories.map((each) => this.card(each));
      if (after) this.list.append(...cards);
      else this.list.replaceChildren(...cards);
      this.told.textContent = this.list.children.length ? "" : words ? "Nothing was found." : "Nothing is remembered yet.";
      this.next = next;
      this.more.hidden = next == null;
    } catch (error) {
      this.told.textContent = error.message;
    }
    if (!after) await this.books();
  }

  card(memory) {
    const about = [memory.kind, memory.speaker, memory.at && when(memory.at), memory.heading].filter(Boolean).join(" · ");
    const button = el("button", { type: "button", class: "link danger" }, "Delete");
    const card = el("li", {}, el("p", { class: "prose" }, memory.text), el("p", { class: "dim row" }, el("span", {}, about), button));
    button.addEventListener("click", () => {
      if (button.dataset.sure) this.forget(memory, card);
      else {
        button.dataset.sure = "yes";
        button.textContent = "Delete for good?";
        button.addEventListener("blur", () => {
          delete button.dataset.sure;
          button.textContent = "Delete";
        }, { once: true });
      }
    });
    return card;
  }

  async forget(memory, card) {
    try {
      await remove(`/api/memories/${encodeURIComponent(memory.id)}`);
      card.remove();
      this.told.textContent = "It is deleted, and what was derived from it.";
      this.query.focus();
    } catch (error) {
      this.told.textContent = error.message;
    }
  }

  async books() {
    const { books } = await get("/api/lore").catch(() => ({ books: [] }));
    const shown = books.flatMap((book) => book.entries.map((entry) =>
      el("li", {}, el("p", { class: "prose" }, entry.content), el("p", { class: "dim" }, [
        book.name, entry.constant ? "always there" : entry.keys.join(", "), entry.enabled ? null : "switched off",
      ].filter(Boolean).join(" · "))),
    ));
    this.lore.replaceChildren(...(shown.length ? [el("h2", {}, "Lore"), el("ol", { class: "cards" }, ...shown)] : []));
  }
}
