// What Harry remembers: what you told him to, what was merely said, and the rest; searched, looked at, deleted for good.

import { get, post, remove } from "./api.js";
import { $, el, keeping, when } from "./dom.js";

const KINDS = {
  told: ["Told to remember", "origin=told", "Nothing yet. Say, for example: remember that my sister comes on Friday."],
  said: ["Merely said", "kind=memory&origin=said", "Nothing was said yet."],
  soc: ["Thoughts", "kind=soc", "Nothing was thought yet."],
  journal: ["Journal", "kind=journal", "Nothing was written yet."],
  all: ["Everything", "", "Nothing is remembered yet."],
};
const NAMES = { soc: "thought", journal: "journal", book: "book", note: "note", test: "test" };
const SURE = "forget everything";

export class Memories {
  constructor() {
    this.query = el("input", { type: "search", "aria-label": "Search memories", placeholder: "Search" });
    this.kind = el("select", { "aria-label": "Which memories", onchange: () => this.chosen() },
      ...Object.entries(KINDS).map(([name, [told]]) => el("option", { value: name }, told)));
    this.list = el("ol", { class: "cards" });
    this.more = el("button", { class: "button", hidden: true, onclick: () => this.load(this.next) }, "Earlier");
    this.told = el("p", { role: "status", class: "dim" });
    this.lore = el("div");
    const form = el("form", { role: "search", onsubmit: (event) => {
      event.preventDefault();
      this.load();
    } }, this.query, this.kind);
    $("memories").append(el("h2", {}, "Memory"), form, this.told, this.list, this.more, this.lore, this.everything());
  }

  /** Search for the words of a memory that came to mind: "3 weeks ago, Ann: ..." stands before some of them. */
  find(text) {
    this.query.value = text.slice(0, 300);
    return this.load();
  }

  chosen() {
    this.query.value = "";
    this.load();
  }

  async load(before = 0) {
    const words = this.query.value.trim();
    if (words) this.kind.value = "all"; // a search goes through everything
    const [, filter, none] = KINDS[this.kind.value];
    const path = words ? `/api/memories?limit=20&query=${encodeURIComponent(words)}` : `/api/memories?order=newest&before=${before}&${filter}`;
    try {
      const { memories, next } = await get(path);
      const cards = memories.map((each) => this.card(each));
      if (before) this.list.append(...cards);
      else this.list.replaceChildren(...cards);
      this.told.textContent = this.list.children.length ? "" : words ? "Nothing was found." : none;
      this.next = next;
      this.more.hidden = next == null;
    } catch (error) {
      this.list.replaceChildren();
      this.more.hidden = true;
      this.told.textContent = error.message;
    }
    if (!before) await this.books();
  }

  card(memory) {
    const told = memory.source === "told" ? "told to remember" : NAMES[memory.kind] ?? `${memory.speaker || "somebody"} said`;
    const about = [told, memory.at && when(memory.at), memory.heading].filter(Boolean).join(" · ");
    const button = el("button", { class: "link danger" });
    const says = (what) => {
      button.textContent = what;
      button.ariaLabel = `${what} ${memory.text.slice(0, 80)}`;
    };
    says("Delete");
    const card = el("li", {}, el("p", { class: "prose" }, memory.text), el("p", { class: "dim row" }, el("span", {}, about), button));
    button.addEventListener("click", () => {
      if (button.dataset.sure) this.forget(memory, card);
      else {
        button.dataset.sure = "yes";
        says("Delete for good?");
        button.onblur = () => {
          delete button.dataset.sure;
          says("Delete");
        };
      }
    });
    return card;
  }

  async forget(memory, card) {
    try {
      await remove(`/api/memories/${encodeURIComponent(memory.id)}`);
      keeping($("memories"), () => card.remove());
      this.told.textContent = "It is deleted, and what was derived from it.";
    } catch (error) {
      this.told.textContent = error.message;
    }
  }

  /** Two steps: to open it, and to type what is meant. */
  everything() {
    const typed = el("input", { type: "text", id: "sure", autocomplete: "off", spellcheck: "false", oninput: () => (button.disabled = typed.value.trim().toLowerCase() !== SURE) });
    const button = el("button", { type: "submit", class: "button danger", disabled: true }, "Delete all of it for good");
    const form = el("form", { class: "stacked", onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        const { backups } = await post("/api/forget-everything", { confirm: typed.value });
        typed.value = "";
        form.parentElement.open = false;
        this.forgotten?.();
        await this.load();
        this.told.textContent = backups.length ? `Everything is forgotten. These files may still hold something; delete them if you want it gone there, too: ${backups.join(", ")}` : "Everything is forgotten.";
      } catch (error) {
        this.told.textContent = error.message;
      }
      this.query.focus();
    } }, el("p", {}, "Every conversation, memory, thought, journal and reminder of yours is deleted for good. There is no way back."),
    el("label", { for: "sure" }, "Type “forget everything”:"), typed, button);
    return el("details", { class: "last" }, el("summary", { class: "danger" }, "Forget everything …"), form);
  }

  async books() {
    const { books } = await get("/api/lore").catch(() => ({ books: [] }));
    const shown = books.flatMap((book) => book.entries.map((entry) =>
      el("li", {}, el("p", { class: "prose" }, entry.content), el("p", { class: "dim" }, [
        book.name, entry.constant ? "always there" : entry.keys.join(", "), entry.enabled ? null : "switched off",
      ].filter(Boolean).join(" · "))),
    ));
    this.lore.replaceChildren(...(shown.length ? [el("h2", {}, "Lore"), el("p", { class: "dim" }, "Facts that come to mind when a word comes up."), el("ol", { class: "cards" }, ...shown)] : []));
  }
}
