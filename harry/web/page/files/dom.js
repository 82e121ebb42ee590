// Elements in one line: el("p", { class: "said" }, "text", anotherElement). And times, notices, lists that follow.

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((each) => each != null));
  return made;
}

export const $ = (id) => document.getElementById(id);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const long = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const time = (at = Date.now()) => clock.format(new Date(at));

const same = (at, ago) => new Date(at).toDateString() === new Date(Date.now() - ago * 86_400_000).toDateString();

/** The time of today, or the date and time of another day. */
export const when = (at) => (same(at, 0) ? time(at) : `${date.format(new Date(at))}, ${time(at)}`);

/** The day as one says it. */
export const day = (at) => (same(at, 0) ? "Today" : same(at, 1) ? "Yesterday" : long.format(new Date(at)));

/** Tell something above everything, until it is put away or told to be over (an empty text). */
export function notice(kind, text, ...more) {
  const known = $("notices").querySelector(`[data-kind="${CSS.escape(kind)}"]`);
  if (!text) return known?.remove();
  const close = el("button", { class: "link", "aria-label": "Put this away", onclick: () => made.remove() }, "×");
  const made = el("p", { "data-kind": kind }, el("span", {}, text, ...more), close);
  if (known) known.replaceWith(made);
  else $("notices").append(made);
}

const near = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

/** Keep a list at its end while it grows, unless somebody has scrolled up to read; `always` for one's own words.
 *  A list that does not follow says so by the event "grown", and "caughtup" once it is at its end again. */
export function following(list, change, always = false) {
  if (list.stuck === undefined) {
    list.stuck = true;
    list.addEventListener("scroll", () => {
      list.stuck = near(list);
      if (list.stuck) list.dispatchEvent(new Event("caughtup"));
    }, { passive: true });
  }
  change();
  if (always || list.stuck) {
    list.scrollTop = list.scrollHeight;
    list.stuck = true;
    list.dispatchEvent(new Event("caughtup"));
  } else list.dispatchEvent(new Event("grown"));
}
