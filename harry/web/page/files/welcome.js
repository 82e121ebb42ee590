// An empty conversation: what to say first, and in plain words what thinks and what is kept.

import { get } from "./api.js";
import { el, prose } from "./dom.js";

const EXAMPLES = ["What can you do?", "Set a timer for ten minutes.", "Remember that my sister comes on Friday.", "What time is it?"];

/** Make it; `say(text)` says an example. */
export async function welcome(persona, say) {
  const { small_mind: small, without_mind: without, better_minds: better, keeps } = await get("/api/status").catch(() => ({}));
  const chips = EXAMPLES.map((text) => el("li", {}, el("button", { class: "chip", onclick: () => say(text) }, text)));
  return el(
    "section",
    { class: "welcome", "aria-label": "First steps" },
    el("h2", {}, `Hello, I am ${persona}.`),
    el("p", {}, "Tap the microphone and speak, or write. You can interrupt me at any time. For a start:"),
    el("ul", { class: "chips" }, ...chips),
    without ? el("p", { class: "dim" }, `I have no mind (language model) yet: I tell the time, set timers, calculate and remember, but cannot talk about anything else. `, ...prose(better ?? ""))
      : small ? el("p", { class: "dim" }, `My mind (the language model) is a very small one: it can chat, but knows little and makes things up. Timers, reminders, the time, and what you tell me to remember do not depend on it. `, ...prose(better ?? "")) : null,
    el("p", { class: "dim" }, `${keeps === false ? "Nothing is kept here: everything is forgotten when I stop." : "What we say is kept on this computer: under History, and as Memory."} Thoughts are notes that I write for myself between our turns; they colour what I say.`),
  );
}
