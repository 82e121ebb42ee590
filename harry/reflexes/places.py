"""What the clocks show elsewhere: "what time is it in Tokyo", by the system's own table of time zones. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from harry.reflexes.times import told_time

_ASKED = re.compile(
    r"(?:what time (?:is it|it is)(?: right now| now)?|(?:what's|what is) the (?:current "
    r"|local )?time(?: right now| now)?"
    r"|how late is it(?: now)?|(?:the )?(?:current |local )?time) (?:in|over in"
    r"|at) (?P<place>[a-z .'-]+?)(?: right now| now| at the moment)?[\s?!.]*"
)
_MORE = {
    "San Francisco": "America/Los_Angeles", "Seattle": "America/Los_Angeles", "Las Vegas": "America/Los_Angeles",
    "San Diego": "America/Los_Angeles", "California": "America/Los_Angeles", "Portland": "America/Los_Angeles",
    "Boston": "America/New_York", "Washington": "America/New_York", "Miami": "America/New_York",
    "Philadelphia": "America/New_York", "Atlanta": "America/New_York", "Florida": "America/New_York",
    "New York City": "America/New_York", "Houston": "America/Chicago", "Dallas": "America/Chicago",
    "Austin": "America/Chicago", "Texas": "America/Chicago", "New Orleans": "America/Chicago",
    "Hawaii": "Pacific/Honolulu", "Alaska": "America/Anchorage", "Montreal": "America/Toronto",
    "Ottawa": "America/Toronto", "Calgary": "America/Edmonton", "Rio": "America/Sao_Paulo",
    "Rio De Janeiro": "America/Sao_Paulo", "Beijing": "Asia/Shanghai", "China": "Asia/Shanghai",
    "Japan": "Asia/Tokyo", "Osaka": "Asia/Tokyo", "Kyoto": "Asia/Tokyo", "South Korea": "Asia/Seoul",
    "Korea": "Asia/Seoul", "India": "Asia/Kolkata", "Mumbai": "Asia/Kolkata", "Delhi": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata", "Bangalore": "Asia/Kolkata", "Thailand": "Asia/Bangkok",
    "Vietnam": "Asia/Ho_Chi_Minh", "Hanoi": "Asia/Ho_Chi_Minh", "Philippines": "Asia/Manila",
    "The Philippines": "Asia/Manila", "Abu Dhabi": "Asia/Dubai", "Saudi Arabia": "Asia/Riyadh",
    "Israel": "Asia/Jerusalem", "Tel Aviv": "Asia/Jerusalem", "Germany": "Europe/Berlin", "Munich": "Europe/Berlin",
    "Hamburg": "Europe/Berlin", "Frankfurt": "Europe/Berlin", "Cologne": "Europe/Berlin", "France": "Europe/Paris",
    "Lyon": "Europe/Paris", "Nice": "Europe/Paris", "Italy": "Europe/Rome", "Milan": "Europe/Rome",
    "Venice": "Europe/Rome", "Florence": "Europe/Rome", "Naples": "Europe/Rome", "Spain": "Europe/Madrid",
    "Barcelona": "Europe/Madrid", "England": "Europe/London", "Scotland": "Europe/London", "Wales": "Europe/London",
    "The Uk": "Europe/London", "Uk": "Europe/London", "The United Kingdom": "Europe/London",
    "Great Britain": "Europe/London", "Edinburgh": "Europe/London", "Manchester": "Europe/London",
    "Ireland": "Europe/Dublin", "The Netherlands": "Europe/Amsterdam", "Holland": "Europe/Amsterdam",
    "Belgium": "Europe/Brussels", "Switzerland": "Europe/Zurich", "Geneva": "Europe/Zurich",
    "Austria": "Europe/Vienna", "Sweden": "Europe/Stockholm", "Norway": "Europe/Oslo", "Denmark": "Europe/Copenhagen",
    "Finland": "Europe/Helsinki", "Poland": "Europe/Warsaw", "Ukraine": "Europe/Kyiv", "Kiev": "Europe/Kyiv",
    "Saint Petersburg": "Europe/Moscow", "Egypt": "Africa/Cairo", "Nigeria": "Africa/Lagos",
    "Kenya": "Africa/Nairobi", "South Africa": "Africa/Johannesburg", "Cape Town": "Africa/Johannesburg",
    "New Zealand": "Pacific/Auckland", "Wellington": "Pacific/Auckland", "Canberra": "Australia/Sydney",
}  # fmt: skip


@functools.cache
def zones() -> Mapping[str, str]:
    """Return the time zones by the names of places, in lower case. Slow the first time."""
    areas = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    known = available_timezones()
    named = {name.rsplit("/", 1)[1].replace("_", " ").lower(): name for name in sorted(known) if name.startswith(areas)}
    return {**named, **{place.lower(): name for place, name in _MORE.items() if name in known}}


def answer(text: str, now: datetime) -> str | None:
    """Return the time of day in the place that the words name; None where they name none that is known."""
    found = _ASKED.fullmatch(text.strip().lower().replace("\u2019", "'"))
    name = zones().get(found["place"].strip()) if found is not None else None
    if found is None or name is None:
        return None
    there = now.astimezone(ZoneInfo(name))
    days = (there.date() - now.date()).days
    day = {1: " tomorrow", -1: " yesterday"}.get(days, "")
    place = " ".join(word.capitalize() if word not in ("the", "de") else word for word in found["place"].split())
    place = place.replace("Uk", "UK")
    return f"In {place} it is {told_time(there)}{day}."
