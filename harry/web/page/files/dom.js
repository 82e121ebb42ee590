// Elements in one line: el("p", { class: "said" }, "text", anotherElement).

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

export const time = (at = Date.now()) => clock.format(new Date(at));

/** The time of today, or the date of another day. */
export const when = (at) =>
  new Date(at).toDateString() === new Date().toDateString() ? time(at) : date.format(new Date(at));

/** Keep a list at its end while it grows, unless somebody has scrolled up to read. */
export function following(list, change) {
  const near = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  change();
  if (near) list.scrollTop = list.scrollHeight;
}
