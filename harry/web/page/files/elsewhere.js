// What happens in your other conversations, as events (docs/events.md): shown in the same log, with the place.

/** Give the function that takes each `harry.elsewhere`. `ended` is called when a turn there is over. */
export function elsewhere(conversation, { ended, reminded }) {
  return ({ session, place, event }) => {
    const key = (name) => `${session}:${name}`;
    const turn = key(event.turn);
    const does = {
      transcript: () => conversation.voice(key(event.utterance), event.text, {
        partial: event.partial, meant: event.meant ?? true, place, amends: event.amends && key(event.amends),
      }),
      turn_began: () => conversation.begin(turn, place),
      reply: () => conversation.word(turn, event.text, false),
      heard: () => conversation.heard(turn, event.text),
      tool_started: () => conversation.tool(event.name, key(event.call), null),
      tool_ended: () => conversation.tool(event.name, key(event.call), event.outcome),
      turn_ended: () => ended(turn, event),
      reminder: () => reminded(event),
    };
    does[event.event]?.();
  };
}
