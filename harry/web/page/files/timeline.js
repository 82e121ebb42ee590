// One turn as bars: from your last word to Harry's first sound, each stage with its milliseconds.

import { el } from "./dom.js";

const STAGES = [
  ["committed", "sure that you had finished"],
  ["mind", "the mind was asked"],
  ["first_words", "its first words"],
  ["voice", "the voice had them"],
  ["sound", "the first sound"],
];

/** Seconds from the last word (or the decision to answer, if it was written) to the first sound; null without one. */
export function answeredIn(timeline) {
  const from = timeline.speech_ended ?? timeline.committed;
  return timeline.sound == null || from == null ? null : Math.max(0, timeline.sound - from);
}

export const seconds = (value) => `${value.toFixed(2)} s`;

export function bars(timeline) {
  const from = timeline.speech_ended ?? timeline.committed;
  const known = STAGES.filter(([name]) => timeline[name] != null).map(([name, told]) => [told, timeline[name] - from]);
  if (from == null || !known.length) return el("p", { class: "dim" }, "Nothing is known of its course.");
  const whole = Math.max(0.001, ...known.map(([, at]) => at));
  const rows = known.map(([told, at]) => {
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--long", Math.max(0, at / whole));
    return el("li", {}, el("span", { class: "stage" }, told), bar, el("span", { class: "ms" }, `${Math.round(at * 1000)} ms`));
  });
  return el("ol", { class: "bars" }, ...rows);
}
