"""How others have Harry say something, and ask: one way for `harry say`, `POST /api/say` and whatever comes later."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.session.announcements import ANSWERED_WITHIN, Announcement, Announcements, State

NEXT_GAP = "He says it in the next gap."
QUESTION_LASTS = 600.0
"""Seconds in which a question has to be asked, unless something else is wanted: somebody waits for the answer."""

MAX_KEY_CHARACTERS = 200

_ENDS = {
    State.STOPPED: "He was told to stop before the question was over.",
    State.INTERRUPTED: "He was interrupted each time he asked.",
    State.UNHEARD: "Nobody heard the question.",
    State.EXPIRED: "It came too late: until then there was no gap in which to ask.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be said, and to whom. `source` is the program that wants it, as it is counted.

    `ask`: the answer is waited for, `answer_within` seconds long from the end of the question on. `expires_in` is in
    seconds; None: an hour, not counting quiet hours, and ten minutes for a question. What comes with the same `key`
    from the same source is told once.
    """

    text: str
    user: str
    source: str
    urgency: str = "normal"
    ask: bool = False
    answer_within: float = ANSWERED_WITHIN
    expires_in: float | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """What became of it so far: its `state`, the same in a sentence (`told`), and the words of an answer."""

    state: str
    told: str
    answer: str | None = None


async def announce(host: Host, wish: Wish) -> Announced:
    """Have something said, and return at once; or asked, and return the answer.

    Cancelled, a question is not asked any more. Raises `ConfigurationError` for what cannot be said, `TooMuchToSay`
    and `TooManySessions` for what is too much.
    """
    if wish.ask:
        return await _answered(wish, *_put(host, wish)[:2])
    await trio.lowlevel.checkpoint()
    return tell(host, wish)


def tell(host: Host, wish: Wish) -> Announced:
    """Have something said that is not asked. Raises as `announce` does."""
    _, announcement, new = _put(host, wish)
    return Announced(announcement.state, _told(host, wish, announcement, new=new))


def _put(host: Host, wish: Wish) -> tuple[Announcements, Announcement, bool]:
    """Have it wait for its gap; return its queue, itself, and whether it is new."""
    queue = host.announcers.of(_checked(wish).user)
    host.announcers.check(wish.source)
    announcement, new = queue.put(
        wish.text,
        wish.urgency,
        QUESTION_LASTS if wish.ask and wish.expires_in is None else wish.expires_in,
        key=(wish.source, wish.key) if wish.key else None,
        answer_within=wish.answer_within if wish.ask else None,
    )
    if new:
        host.announcers.count(wish.source)
    return queue, announcement, new


async def _answered(wish: Wish, queue: Announcements, announcement: Announcement) -> Announced:
    announcement.askers += 1
    try:
        await announcement.settled.wait()
    finally:
        announcement.askers -= 1
        if not announcement.askers:
            queue.withdraw(announcement)
    if announcement.state is State.ANSWERED:
        return Announced(State.ANSWERED, "Answered.", announcement.answer)
    within = f"Nobody answered within {wish.answer_within:g} seconds."
    return Announced(announcement.state, _ENDS.get(announcement.state, within))


def _checked(wish: Wish) -> Wish:
    if not 1 <= len(wish.user) <= 64 or not wish.user.isprintable():
        raise ConfigurationError("A user has a name of 1 to 64 characters, in one line.")
    if len(wish.key) > MAX_KEY_CHARACTERS:
        raise ConfigurationError(f"A key has {MAX_KEY_CHARACTERS} characters at most.")
    return wish


def _told(host: Host, wish: Wish, announcement: Announcement, *, new: bool) -> str:
    if announcement.settled.is_set():
        return "He has said that already."
    if not new:
        return "That waits to be said already, or is being said."
    if host.announcers.find(wish.user) is None:
        return f"{wish.user} is not there. He says it if {wish.user} comes in time."
    if host.announcers.of(wish.user).held_for(announcement):
        return "He says it after the quiet hours."
    return NEXT_GAP
