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

/** Change what is in `box`. If that takes away what had the focus, its namesake has it, or the view. */
export function keeping(box, change) {
  const had = document.activeElement, inside = box.contains(had), name = inside && called(had);
  change();
  if (!inside || (had.isConnected && had.offsetParent)) return;
  const again = [...box.querySelectorAll("button, summary, input")].find((each) => each.offsetParent && called(each) === name);
  (again ?? box.closest("[role=tabpanel][tabindex]") ?? $("log")).focus();
  if (document.activeElement === document.body) document.querySelector("[role=tab][aria-selected=true]").focus();
}

const called = (each) => each.ariaLabel ?? each.textContent;

/** Text with `code` in it, as nodes. */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));

/** Have a screen reader say it once, when it is idle. */
export const announce = (text) => $("announced").replaceChildren(el("p", {}, text));

/** Tell something above everything, until it is put away or told to be over (an empty text). */
export function notice(kind, text, ...more) {
  const known = $("notices").querySelector(`[data-kind="${CSS.escape(kind)}"]`);
  const away = (each) => keeping($("notices"), () => each.remove());
  if (!text) return known && away(known);
  const close = el("button", { class: "link", "aria-label": "Put this away", onclick: () => away(made) }, "×");
  const made = el("p", { "data-kind": kind }, el("span", {}, ...(text.split ? prose(text) : [text]), ...more), close);
  if (known) keeping($("notices"), () => known.replaceWith(made));
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
