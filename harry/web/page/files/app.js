// Puts the page together: what Harry tells goes to the views, what you do goes to Harry.

import { Actors } from "./actors.js";
import { get } from "./api.js";
import { Conversation } from "./conversation.js";
import { $, el } from "./dom.js";
import { Link } from "./link.js";
import { Loudspeaker } from "./loudspeaker.js";
import { Memories } from "./memories.js";
import { Microphone } from "./microphone.js";
import { Pictures } from "./pictures.js";
import { Settings } from "./settings.js";
import { Tabs } from "./tabs.js";
import { TalkButton } from "./talk.js";
import { Thoughts } from "./thoughts.js";
import { answeredIn, seconds } from "./timeline.js";
import { Turns } from "./turns.js";

const STATES = { listening: "Listening", hearing: "Hears you", thinking: "Thinking", speaking: "Speaking", paused: "Paused, to hear you", away: "Connecting", lost: "Connection lost" };
const MOST_BEHIND = 64 * 1024; // bytes of sound that may wait for the network

let persona = "Harry", active = "", state = "away", soft = false;

const link = new Link((event) => EVENTS[event.type]?.(event), changed);
const loudspeaker = new Loudspeaker((item, milliseconds) => link.send({ type: "harry.playback.position", item_id: item, audio_ms: milliseconds }));
const microphone = new Microphone(hear, (why) => {
  shown();
  notice("microphone", why);
});
const conversation = new Conversation((text) => {
  tabs.show("memories");
  memories.find(text);
});
const thoughts = new Thoughts(), memories = new Memories(), turns = new Turns(() => persona), actors = new Actors();
const settings = new Settings((now) => {
  loudspeaker.volume(now.volume);
  link.send(wishes());
});
loudspeaker.volume(settings.now.volume);
const tabs = new Tabs({
  thoughts: () => thoughts.load(), memories: () => memories.load(), turns: () => turns.load(),
  actors: () => actors.load(), settings: () => settings.load(),
});
const pictures = new Pictures((why) => notice("picture", why));
new TalkButton($("button"), { tap, down: () => open(), up: letGo });

// What Harry tells.

const EVENTS = {
  "session.created": ({ session }) => begin(session),
  "harry.state": ({ state: now, ducked }) => doing(now, ducked),
  "harry.transcript": ({ item_id, text, partial, meant }) => {
    conversation.voice(item_id, text, { partial, meant });
    $("partial").textContent = partial ? text : "";
  },
  "response.created": ({ response }) => {
    active = response.id;
    conversation.begin(response.id);
  },
  "response.output_audio_transcript.delta": ({ response_id, delta }) => conversation.word(response_id, delta, false),
  "response.output_text.delta": ({ response_id, delta }) => conversation.word(response_id, delta, true),
  "response.output_audio.delta": ({ response_id, item_id, delta }) => loudspeaker.play(response_id, item_id, delta),
  "response.done": ({ response }) => {
    if (active === response.id) active = "";
  },
  "harry.flush": (event) => loudspeaker.flush(event),
  "harry.heard": ({ response_id, text }) => conversation.heard(response_id, text),
  "harry.memories": ({ response_id, memories: found, thoughts: thought }) => conversation.remembered(response_id, found, thought),
  "harry.turn": ({ response_id, timeline }) => {
    const took = answeredIn(timeline);
    if (took != null) conversation.took(response_id, seconds(took), () => tabs.show("turns"));
    if (document.body.dataset.tab === "turns") turns.load();
  },
  "harry.thought": ({ text }) => thoughts.add(text),
  "harry.tool": ({ name, call, outcome }) => conversation.tool(name, call, outcome),
  "harry.notice": ({ message, over }) => (over ? notice("harry", "") : notice("harry", message)),
  error: ({ error }) => {
    // Letting go of the button without having spoken is no mistake.
    if (error.code !== "input_audio_buffer_commit_empty" && error.code !== "response_cancel_not_active") notice("error", error.message);
  },
};

async function begin({ harry }) {
  persona = harry.persona;
  document.title = $("persona").textContent = persona;
  link.send(wishes());
  if (harry.resumed) return;
  const { exchanges } = await get("/api/history?limit=30").catch(() => ({ exchanges: [] }));
  conversation.earlier(exchanges, persona);
}

/** What the settings of this page mean for the conversation. */
function wishes() {
  const { aloud, interrupt } = settings.now;
  return {
    type: "session.update",
    session: {
      type: "realtime",
      output_modalities: [aloud ? "audio" : "text"],
      audio: { input: { turn_detection: { type: "semantic_vad", interrupt_response: interrupt } } },
    },
  };
}

function changed(now, what) {
  notice("link", now === "open" ? "" : what);
  if (now !== "open") doing("lost", false);
}

function doing(now, ducked) {
  [state, soft] = [now, ducked];
  loudspeaker.duck(soft);
  shown();
}

// What you do.

function hear(pcm, level) {
  document.body.style.setProperty("--level", Math.min(1, level * 6).toFixed(3));
  if (link.behind < MOST_BEHIND) link.send({ type: "input_audio_buffer.append", audio: pcm });
}

async function open() {
  notice("microphone", "");
  try {
    await microphone.start();
  } catch (error) {
    microphone.stop();
    notice("microphone", error.message);
  }
  shown();
}

function shut() {
  microphone.stop();
  document.body.style.setProperty("--level", 0);
  shown();
}

function tap() {
  if (microphone.open) shut();
  else open();
}

/** The button was held and let go: what was said is understood at once. */
function letGo() {
  shut();
  link.send({ type: "input_audio_buffer.commit" });
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("words").value.trim(), shownPictures = pictures.take();
  if (!text && !shownPictures.length) return;
  const content = shownPictures.map((uri) => ({ type: "input_image", image_url: uri }));
  if (text) content.push({ type: "input_text", text });
  if (active) link.send({ type: "response.cancel" });
  const sent = link.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  if (!sent) return notice("link", "Nothing was sent: the connection to Harry is lost. Trying again.");
  link.send({ type: "response.create" });
  conversation.typed(text, shownPictures);
  $("words").value = "";
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && active) link.send({ type: "response.cancel" });
});
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => loudspeaker.start(), { capture: true });

// What is shown.

function shown() {
  document.body.dataset.state = state;
  document.body.dataset.microphone = microphone.open ? "open" : "shut";
  $("state").textContent = soft ? "Speaking softly" : state === "listening" && !microphone.open ? "Ready" : STATES[state] ?? state;
  $("button").setAttribute("aria-pressed", microphone.open);
  $("button-name").textContent = microphone.open ? "Shut the microphone" : "Open the microphone";
  $("button-hint").textContent = microphone.open ? "Speak whenever you like; he falls silent for you." : "Tap to open the microphone. Hold to talk.";
}

function notice(kind, text) {
  const known = $("notices").querySelector(`[data-kind="${kind}"]`);
  if (!text) return known?.remove();
  const close = el("button", { type: "button", class: "link", "aria-label": "Put this away", onclick: ({ target }) => target.parentElement.remove() }, "×");
  const made = el("p", { "data-kind": kind }, el("span", {}, text), close);
  if (known) known.replaceWith(made);
  else $("notices").append(made);
}

globalThis.harry = { link, loudspeaker, microphone }; // for the console, and for whoever wants to look
shown();
link.connect();
