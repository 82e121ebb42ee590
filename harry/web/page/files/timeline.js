// One turn as a waterfall: each stage at its own start, as long as it took, from your last word to Harry's first sound.

import { el } from "./dom.js";

const STAGES = [
  ["speech_ended", "committed", "end of speech"],
  ["committed", "mind", "recalls"],
  ["mind", "first_words", "mind thinks"],
  ["first_words", "voice", "first clause"],
  ["voice", "sound", "text to voice"],
];

/** Seconds from the last word to the first sound; null without either, as where Harry began. */
export function answeredIn(timeline) {
  const { sound, speech_ended: from } = timeline;
  return sound == null || from == null ? null : Math.max(0, sound - from);
}

export const seconds = (value) => `${value.toFixed(2)} s`;

const ms = (value) => `${Math.round(value * 1000)} ms`;

/** The stages that are known; null where none is. A reflex needs no mind, so its words come from the decision. */
export function waterfall(timeline) {
  const known = STAGES.filter(([begin, end]) => timeline[end] - timeline[begin] > 0) // a guess was recalled for before
    .map(([begin, end, told]) => ({ told, begin: timeline[begin], long: Math.max(0, timeline[end] - timeline[begin]) }));
  if (!known.length) return null;
  const first = Math.min(...known.map((each) => each.begin));
  const whole = Math.max(0.001, ...known.map((each) => each.begin + each.long - first));
  const rows = known.map(({ told, begin, long }) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--at", (begin - first) / whole);
    bar.style.setProperty("--long", long / whole);
    return el("li", {}, el("span", { class: "stage" }, told, el("span", { class: "reader" }, `, ${ms(begin - first)} after the first`)), bar, el("span", { class: "ms" }, ms(long)));
  });
  return el("ol", { class: "bars" }, ...rows);
}
