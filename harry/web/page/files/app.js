// Puts the page together: what Harry tells goes to the views, what you do goes to him, here or in the room.

import { get } from "./api.js";
import { Conversation } from "./conversation.js";
import { $, announce, el, keeping, notice } from "./dom.js";
import { elsewhere } from "./elsewhere.js";
import { History } from "./history.js";
import { Link } from "./link.js";
import { Loudspeaker } from "./loudspeaker.js";
import { Memories } from "./memories.js";
import { Microphone } from "./microphone.js";
import { notify } from "./notify.js";
import { Pictures } from "./pictures.js";
import { Reminders } from "./reminders.js";
import { Room } from "./room.js";
import { Settings } from "./settings.js";
import { Status } from "./status.js";
import { Tabs } from "./tabs.js";
import { TalkButton } from "./talk.js";
import { Thoughts } from "./thoughts.js";
import { answeredIn, seconds } from "./timeline.js";
import { WakeLock } from "./wakelock.js";
import { welcome } from "./welcome.js";

const STATES = { listening: "Listening", hearing: "Hears you", thinking: "Thinking", speaking: "Speaking", paused: "Paused, to hear you", muted: "Muted", resting: "Resting", ready: "Ready", away: "Connecting", lost: "Connection lost" };
const MOST_BEHIND = 64 * 1024; // bytes of sound that may wait for the network
const COMMAND = /^\/(mute|unmute|stop)$|^(unmute)( yourself| the mic(rophone)?)?[.!]?$/i;

const keys = matchMedia("(hover: hover)"); // where there is a mouse, there is a space bar

let persona = "Harry", active = "", state = "away", soft = false, muted = false, off = false;

const link = new Link((event) => EVENTS[event.type]?.(event), changed);
const loudspeaker = new Loudspeaker((item, milliseconds) => link.send({ type: "harry.playback.position", item_id: item, audio_ms: milliseconds }));
const microphone = new Microphone(hear, (why) => {
  shown();
  notice("microphone", why);
});
const conversation = new Conversation((text) => {
  tabs.show("memories");
  memories.find(text);
}, () => settings.now.aloud && microphone.open && !muted); // he would hear the screen reader, and answer it
const room = new Room(() => shown());
const reminders = new Reminders(), memories = new Memories(), thoughts = new Thoughts();
const history = new History(() => persona), status = new Status(room, reminders);
const settings = new Settings((now) => {
  loudspeaker.volume(now.volume);
  link.send(wishes());
});
loudspeaker.volume(settings.now.volume);
const tabs = new Tabs({
  history: () => history.load(), memories: () => memories.load(), thoughts: () => thoughts.load(),
  status: () => status.load(), settings: () => settings.load(),
}, settings.now.tab, (tab) => tab !== settings.now.tab && settings.set("tab", tab));
const screenOn = new WakeLock();
const pictures = new Pictures((why) => notice("picture", why));
new TalkButton($("button"), { tap, down: hold, up: letGo });
reminders.changed = () => document.body.dataset.tab === "status" && status.load();
memories.forgotten = history.forgotten = () => begin({ harry: { persona, muted, off_the_record: off } });

// What Harry tells.

const EVENTS = {
  "session.created": ({ session }) => begin(session),
  "harry.state": ({ state: now, ducked }) => doing(now, ducked),
  "harry.transcript": ({ utterance, text, ...how }) => conversation.voice(utterance, text, how),
  "response.created": ({ response }) => {
    active = response.id;
    conversation.begin(response.id);
    shown();
  },
  "response.output_audio_transcript.delta": ({ response_id, delta }) => conversation.word(response_id, delta, false),
  "response.output_text.delta": ({ response_id, delta }) => conversation.word(response_id, delta, true),
  "response.output_audio.delta": ({ response_id, item_id, delta }) => loudspeaker.play(response_id, item_id, delta),
  "response.done": ({ response }) => {
    if (active === response.id) active = "";
    // Whoever talks to him while the page is hidden hears him; anybody else has left it.
    if (document.hidden && !microphone.open && response.status === "completed") notify(conversation.text(response.id), "reply");
    shown();
  },
  "harry.flush": (event) => loudspeaker.flush(event),
  "harry.heard": ({ response_id, text }) => conversation.heard(response_id, text),
  "harry.memories": ({ response_id, memories: found, thoughts: thought }) => conversation.remembered(response_id, found, thought),
  "harry.turn": ({ response_id, timeline, turn }) => ended(response_id, { timeline, turn }),
  "harry.muted": (event) => shown((muted = event.muted)),
  "harry.off_the_record": (event) => shown((off = event.off)),
  "harry.elsewhere": (told) => {
    if (told.place === "room") room.follow(told.event);
    elsewhereTold(told);
  },
  "harry.reminder": (event) => reminders.follow(event),
  "harry.thought": ({ text }) => thoughts.add(text),
  "harry.tool": ({ name, call, outcome }) => conversation.tool(name, call, outcome),
  "harry.notice": ({ message, over }) => notice("harry", over ? "" : message),
  error: ({ error }) => {
    // Letting go of the button without having spoken is no mistake.
    if (error.code !== "input_audio_buffer_commit_empty" && error.code !== "response_cancel_not_active") notice("error", error.message);
  },
};

const elsewhereTold = elsewhere(conversation, { ended, reminded: (event) => reminders.follow(event) });

async function begin({ harry }) {
  persona = harry.persona;
  [muted, off] = [harry.muted, harry.off_the_record];
  document.title = $("persona").textContent = persona;
  link.send(wishes());
  room.load();
  reminders.load();
  settings.mind.load(true);
  if (harry.resumed) return;
  const turns = await get("/api/turns?limit=30").then(({ turns: found }) => found.reverse().map((each) => ({ ...each, at: each.started_at })), () => []);
  const exchanges = turns.length ? turns : await get("/api/history?limit=30").then(({ exchanges: found }) => found, () => []);
  conversation.earlier(exchanges, persona, turns.length ? () => tabs.show("history") : null);
  if (!exchanges.length) conversation.first(await welcome(persona, say));
}

/** A turn is over, and kept: the time it took, and what it may have set. */
function ended(response, { timeline, turn }) {
  const took = answeredIn(timeline);
  if (took != null) conversation.took(response, seconds(took), () => {
    tabs.show("history").then(() => $("history").querySelector(`[data-turn="${CSS.escape(turn)}"]`)?.scrollIntoView({ block: "nearest" }));
  });
  conversation.over(response);
  reminders.load();
  if (document.body.dataset.tab === "history" && !history.asked.size && $("history").scrollTop < 40) history.load();
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
  if (now !== "open") {
    active = "";
    doing("lost", false);
  } else if (state === "lost") {
    announce(`${persona} is there again.`);
    if (document.body.dataset.tab !== "settings") tabs.fit(); // a form there may be half filled in
  }
}

function doing(now, ducked) {
  [state, soft] = [now, ducked];
  loudspeaker.duck(soft);
  shown();
}

// What you do.

/** Whether the buttons and the text box are the room's now. */
const inRoom = () => room.there && settings.now.place === "room" && state !== "lost";

async function tell(what, body) {
  try {
    await room.tell(what, body);
    notice("room", "");
    return true;
  } catch (error) {
    notice("room", error.message);
    return false;
  }
}

function hear(pcm, level) {
  document.body.style.setProperty("--level", Math.min(1, level * 6).toFixed(3));
  if (link.behind < MOST_BEHIND) link.send({ type: "input_audio_buffer.append", audio: pcm });
}

async function open() {
  notice("microphone", "");
  if (muted) link.send({ type: "harry.mute", muted: false });
  try {
    if (!microphone.open) await microphone.start();
    if (room.there && room.hears && !room.muted) {
      notice("both", "The room's microphone is open, too: if you are in the room, both may answer. ", el("button", { class: "link", onclick: () => tell("mute").then(() => notice("both", "")) }, "Mute the room"));
    }
  } catch (error) {
    microphone.stop();
    notice("microphone", error.message);
  }
  shown();
}

function shut() {
  microphone.stop();
  notice("both", "");
  document.body.style.setProperty("--level", 0);
  shown();
}

function tap() {
  if (inRoom()) room.hears && tell(room.muted ? "unmute" : "mute");
  else if (microphone.open && !muted) shut();
  else open();
}

function hold() {
  if (!inRoom()) open();
  else if (room.hears && room.muted) tell("unmute");
}

/** The button was held and let go: what was said is understood at once. */
function letGo() {
  if (inRoom()) return room.hears && tell("mute");
  shut();
  link.send({ type: "input_audio_buffer.commit" });
}

function stop() {
  if (inRoom()) tell("stop");
  else if (active) link.send({ type: "response.cancel" });
}

/** A line for the page itself, and not for Harry's mind. */
async function command(what) {
  if (what === "stop") return stop();
  const done = [];
  if (what === "mute") {
    if (room.hears && (inRoom() || !microphone.open)) {
      if (await tell("mute")) done.push("The room is muted.");
    } else {
      shut();
      if (reach({ type: "harry.mute", muted: true })) done.push("Muted.");
    }
  } else {
    if (room.muted && (await tell("unmute"))) done.push("The room listens again.");
    if (muted && reach({ type: "harry.mute", muted: false })) done.push("Harry listens here again.");
    if (!done.length && !inRoom()) await open().then(() => microphone.open && done.push("The microphone here is open."));
    if (!done.length && inRoom()) done.push(room.hears ? "The room is listening." : "There is no microphone in the room.");
  }
  for (const each of done) conversation.mark(each);
}

/** Send it, or tell that it did not get there. */
function reach(event) {
  const sent = link.send(event);
  if (!sent) notice("link", "Nothing was sent: the connection to Harry is lost. Trying again.");
  return sent;
}

/** Say something in writing. False if it did not get there. */
function say(text, shownPictures = []) {
  if (inRoom()) {
    tell("say", { text });
    return true;
  }
  const content = shownPictures.map((uri) => ({ type: "input_image", image_url: uri }));
  if (text) content.push({ type: "input_text", text });
  if (!reach({ type: "conversation.item.create", item: { type: "message", role: "user", content } })) return false;
  link.send({ type: "response.create" });
  conversation.typed(text, shownPictures);
  return true;
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("words").value.trim(), told = text.match(COMMAND);
  if (told) command((told[1] ?? told[2]).toLowerCase());
  else if (/^\/\w+$/.test(text)) conversation.mark("There are /mute, /unmute and /stop; anything else is said to Harry.");
  else {
    const shownPictures = inRoom() ? [] : pictures.take();
    if ((!text && !shownPictures.length) || !say(text, shownPictures)) return;
  }
  $("words").value = "";
});

$("stop").addEventListener("click", stop);
$("record").addEventListener("click", () => {
  const wanted = !(inRoom() ? room.off : off);
  if (inRoom()) tell("off-the-record", { off: wanted });
  else reach({ type: "harry.off_the_record", off: wanted });
});
$("volume").addEventListener("input", ({ target }) => inRoom() || settings.set("volume", Number(target.value)));
$("volume").addEventListener("change", ({ target }) => inRoom() && tell("volume", { volume: Number(target.value) }));
$("place").addEventListener("change", ({ target }) => {
  if (target.value === "room") shut();
  settings.set("place", target.value);
  shown();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("stop").hidden) stop();
});
document.querySelector(".skip").addEventListener("click", () => tabs.wide.matches || tabs.show("talk"));
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => loudspeaker.start(), { capture: true });

// What is shown.

function shown() {
  const there = inRoom();
  const now = there ? room.state : muted && state !== "lost" && !active ? "muted" : state;
  const open = there ? room.hears && !room.muted : microphone.open && !muted;
  Object.assign(document.body.dataset, { state: now, microphone: open ? "open" : "shut", place: there ? "room" : "here" });
  $("state").textContent = soft && !there ? "Speaking softly" : now === "listening" && !open ? "Ready" : STATES[now] ?? now;
  $("place").hidden = !room.there;
  $("place").querySelector(there ? "[value=room]" : "[value=here]").checked = true;
  $("off").hidden = !(there ? room.off : off);
  screenOn.set(microphone.open && !muted && !there);
  tells("microphone", open ? "" : now === "muted" ? "Muted." : "The microphone is shut.");
  tells("record", $("off").hidden ? "On the record." : "Off the record: nothing is kept.");
  $("record").textContent = $("off").hidden ? "Go off the record" : "Back on the record";
  keeping($("controls"), () => ($("stop").hidden = !(["thinking", "speaking", "paused"].includes(now) || (active && !there))));
  $("picture-box").hidden = there;
  if (document.activeElement !== $("volume")) $("volume").value = there ? room.volume : settings.now.volume;
  $("button").disabled = there && !room.hears;
  $("button-name").textContent = there
    ? room.hears ? (room.muted ? "Unmute the room" : "Mute the room") : "No microphone there"
    : open ? "Mute" : muted ? "Unmute" : "Open the microphone";
  $("button-hint").textContent = state === "lost" ? "He hears nothing until the connection is back." : there
    ? room.muted ? "He hears nothing until you unmute him." : "His answers sound in the room."
    : open ? "Speak whenever you like; he falls silent for you."
      : muted ? "He hears nothing until you unmute him." : `Tap to talk, or hold while you speak.${keys.matches ? " The space bar does the same." : ""}`;
}

const last = {};

/** Have a change read aloud. That the microphone opens only the button tells: Harry would hear it. */
function tells(what, text) {
  if (text && last[what] && last[what] !== text) announce(text);
  last[what] = text || " ";
}

globalThis.harry = { link, loudspeaker, microphone, room }; // for the console
shown();
link.connect();
