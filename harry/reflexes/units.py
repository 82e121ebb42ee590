"""Units turned into one another: "how many ounces are in a pound", "350 Fahrenheit in Celsius", "five foot ten in cm".

Pure. A table of the units that people speak of, each an exact multiple of its measure's base. Where a name stands for
more than one unit it is that of the United States; "imperial" before it asks for the other. Money is never converted:
its rates are not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from harry.reflexes.numbers import figures
from harry.reflexes.sums import told

RATES = (
    "I don't know today's exchange rates, so I can't convert money. "
    "How to add a tool for that is in my documentation, under tools."
)


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` is in the base of its measure; `one` and `many` are how it is said."""

    measure: str
    size: Fraction
    one: str
    many: str


_TABLE = """
length     | 1e-9       | nanometer nanometre nm | nanometers nanometres
length     | 1e-6       | micrometer micrometre micron | micrometers micrometres microns
length     | .001       | millimeter millimetre mm | millimeters millimetres
length     | .01        | centimeter centimetre cm | centimeters centimetres
length     | 1          | meter metre m | meters metres
length     | 1000       | kilometer kilometre km | kilometers kilometres kms k
length     | .0254      | inch in | inches "
length     | .3048      | foot ft | feet '
length     | .9144      | yard yd | yards yds
length     | 1609.344   | mile mi | miles
length     | 1852       | nautical_mile | nautical_miles
length     | 149597870700 | astronomical_unit | astronomical_units
length     | 9460730472580800 | light_year | light_years
mass       | 1e-6       | milligram mg | milligrams
mass       | .001       | gram g gramme | grams grammes
mass       | 1          | kilogram kg kilo | kilograms kilos kgs
mass       | 1000       | metric_ton tonne metric_tonne | metric_tons tonnes metric_tonnes
mass       | 907.18474  | ton short_ton | tons short_tons
mass       | .028349523125 | ounce oz | ounces
mass       | .45359237  | pound lb | pounds lbs
mass       | 6.35029318 | stone st | stone stones
mass       | .0002      | carat | carats
volume     | .001       | milliliter millilitre ml | milliliters millilitres mls
volume     | .01        | centiliter centilitre cl | centiliters centilitres
volume     | .1         | deciliter decilitre dl | deciliters decilitres
volume     | 1          | liter litre l | liters litres
volume     | 1000       | cubic_meter cubic_metre | cubic_meters cubic_metres
volume     | .001       | cubic_centimeter cubic_centimetre cc | cubic_centimeters cubic_centimetres
volume     | 28.316846592 | cubic_foot | cubic_feet
volume     | .016387064 | cubic_inch | cubic_inches
volume     | .00492892159375 | teaspoon tsp | teaspoons teaspoonfuls tsps
volume     | .01478676478125 | tablespoon tbsp | tablespoons tablespoonfuls tbsps
volume     | .0295735295625 | fluid_ounce fl_oz | fluid_ounces
volume     | .2365882365 | cup | cups cupfuls
volume     | .473176473 | pint pt | pints
volume     | .946352946 | quart qt | quarts
volume     | 3.785411784 | gallon gal | gallons
volume     | .56826125  | imperial_pint uk_pint british_pint | imperial_pints uk_pints british_pints
volume     | 4.54609    | imperial_gallon uk_gallon british_gallon | imperial_gallons uk_gallons british_gallons
volume     | .0284130625 | imperial_fluid_ounce | imperial_fluid_ounces
area       | .0001      | square_centimeter square_centimetre | square_centimeters square_centimetres
area       | 1          | square_meter square_metre | square_meters square_metres
area       | 1000000    | square_kilometer square_kilometre | square_kilometers square_kilometres
area       | .00064516  | square_inch | square_inches
area       | .09290304  | square_foot | square_feet
area       | .83612736  | square_yard | square_yards
area       | 2589988.110336 | square_mile | square_miles
area       | 4046.8564224 | acre | acres
area       | 10000      | hectare | hectares
time       | .001       | millisecond | milliseconds
time       | 1          | second sec | seconds secs
time       | 60         | minute min | minutes mins
time       | 3600       | hour hr | hours hrs
time       | 86400      | day | days
time       | 604800     | week | weeks
time       | 1209600    | fortnight | fortnights
time       | 31536000   | year | years
time       | 315360000  | decade | decades
time       | 3153600000 | century | centuries
speed      | 1          | meter_per_second metre_per_second m/s | meters_per_second metres_per_second meters_a_second
speed      | 1/3.6      | kilometer_per_hour kilometre_per_hour km/h kph kmh kilometers_an_hour | kilometers_per_hour
speed      | 1/3.6      | kilometers_per_hour kilometres_an_hour | kilometres_per_hour
speed      | .44704     | mile_per_hour mph | miles_per_hour miles_an_hour
speed      | 1852/3600  | knot | knots
speed      | .3048      | foot_per_second | feet_per_second
energy     | 1          | joule | joules
energy     | 1000       | kilojoule kj | kilojoules
energy     | 4.184      | small_calorie | small_calories
energy     | 4184       | calorie kilocalorie kcal | calories kilocalories kcals
energy     | 3600000    | kilowatt_hour kwh | kilowatt_hours
power      | 1          | watt | watts
power      | 1000       | kilowatt kw | kilowatts
power      | 745.69987158227022 | horsepower hp | horsepower
pressure   | 1          | pascal | pascals
pressure   | 100        | hectopascal millibar | hectopascals millibars
pressure   | 1000       | kilopascal | kilopascals
pressure   | 100000     | bar | bars
pressure   | 101325     | atmosphere | atmospheres
pressure   | 6894.757293168 | pound_per_square_inch psi | pounds_per_square_inch
data       | 1/8        | bit | bits
data       | 1          | byte | bytes
data       | 1000       | kilobyte kb | kilobytes
data       | 1000000    | megabyte mb | megabytes megs
data       | 1e9        | gigabyte gb | gigabytes gigs
data       | 1e12       | terabyte tb | terabytes
data       | 1024       | kibibyte | kibibytes
data       | 1048576    | mebibyte | mebibytes
data       | 1073741824 | gibibyte | gibibytes
number     | 1          | piece | pieces
number     | 12         | dozen | dozens
angle      | 1          | degree_of_arc | degrees_of_arc
angle      | 57.29577951308232 | radian | radians
"""
_TEMPERATURES = {
    "celsius": "celsius", "centigrade": "celsius", "c": "celsius", "°c": "celsius", "fahrenheit": "fahrenheit",
    "f": "fahrenheit", "°f": "fahrenheit", "kelvin": "kelvin", "kelvins": "kelvin",
}  # fmt: skip
_MONEY = re.compile(
    r"\b(?:dollars?|bucks|usd|euros?|eur|gbp|sterling|quid|yen|yuan|rupees?|francs?|rubles?|pesos?|kron[ae]|kroner|"
    r"zloty|lira|won|bitcoins?|(?:american|us|british|canadian|australian|swiss) (?:money|currency))\b|[$€£¥]"
)
_CUPS = {  # grams of a cup, as bakers' tables give them
    "flour": 120, "all purpose flour": 120, "sugar": 200, "white sugar": 200, "granulated sugar": 200,
    "brown sugar": 213, "powdered sugar": 113, "icing sugar": 113, "butter": 227, "milk": 227, "water": 237,
    "honey": 336, "rice": 198, "oats": 89, "rolled oats": 89, "oil": 198, "olive oil": 198, "salt": 288, "cocoa": 84,
    "cocoa powder": 84, "yogurt": 227, "cream": 227,
}  # fmt: skip


def _fraction(text: str) -> Fraction:
    top, _, bottom = text.partition("/")
    return Fraction(top) / Fraction(bottom or "1")


def _read() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        measure, size, ones, manys = (cell.strip() for cell in line.split("|", 3))
        spoken = [name.replace("_", " ") for name in ones.split()]
        several = [name.replace("_", " ") for name in manys.split()]
        unit = Unit(measure, _fraction(size), spoken[0], several[0])
        for name in (*spoken, *several):
            units.setdefault(name, unit)
    return units


UNITS = _read()
_UNIT = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
_TEMPERATURE = "|".join(sorted(map(re.escape, _TEMPERATURES), key=len, reverse=True))
_N = r"(?P<n>(?:minus |negative )?-?\d+(?:\.\d+)?(?:/\d+)?|an?|half an?|half|a quarter of an?|a half|a quarter)"
_TO = rf"(?:an? )?(?P<to>{_UNIT})"
_FROM = (
    rf"{_N}[ -]?(?P<from>{_UNIT})(?:(?: and)? (?P<n2>\d+(?:\.\d+)?) ?(?P<from2>{_UNIT})?)?"
    r"(?: of (?P<stuff>[a-z ]+?))?"
)
_QUESTION = (
    r"(?:(?:what|how much)(?:'s| is| are|s)? |convert |change |turn "
    r"|how (?:long|far|heavy|big|tall|high|warm|hot|cold|fast) is )"
)


@cache
def _shapes() -> tuple[re.Pattern[str], ...]:
    """Return the forms of a question, compiled when the first is met: it takes a tenth of a second."""
    return (
        re.compile(
            rf"how (?:many|much) {_TO}(?: of [a-z ]+?)?(?: are| is)?(?: there)?"
            rf"(?: in| to| make| makes| make up)? {_FROM}"
        ),
        re.compile(rf"how (?:many|much) {_TO}(?: does| do| are in| is) {_FROM}(?: have| make| contain| hold| equal)?"),
        re.compile(
            rf"{_QUESTION}?{_FROM} (?:in|to|into|as|is how many|equals how many|are how many|makes? how many) {_TO}"
        ),
        re.compile(rf"{_QUESTION}{_FROM} in terms of {_TO}"),
        re.compile(rf"what (?:do|does|would) {_FROM} (?:make|makes|come to|be|equal) (?:in|to|as) {_TO}"),
    )


_HEAT = re.compile(
    rf"{_QUESTION}?(?P<n>(?:minus |negative )?-?\d+(?:\.\d+)?) ?(?:degrees? ?"
    rf"|° ?)?(?P<from>{_TEMPERATURE})? ?(?:degrees )?"
    rf"(?:in|to|into|as|is what in) (?:degrees? )?(?P<to>{_TEMPERATURE})"
)
_HEAT_TO = re.compile(
    rf"how many (?:degrees )?(?P<to>{_TEMPERATURE}) (?:is"
    rf"|are)(?: in)? (?P<n>(?:minus )?-?\d+(?:\.\d+)?) ?(?:degrees )?(?P<from>{_TEMPERATURE})"
)


@cache
def _and_a_half() -> re.Pattern[str]:
    return re.compile(rf"\b(?P<n>an?|\d+) (?P<unit>{_UNIT}) and a half\b")


_CONVERTS = re.compile(
    r"(?:(?:what|how much)(?:'s| is| are)?|convert|change|exchange|how many) .*\b(?:in|to|into|are|for|is)\b .+"
)


def answer(text: str) -> str | None:
    """Return the amount in the other unit, as a sentence; None where the words ask for no such thing."""
    said = re.sub(r"[\s?!.]+$", "", re.sub(r"(?<=[a-z\d])-(?=[a-z])", " ", figures(text)))
    said = _and_a_half().sub(lambda found: f"{int(found['n']) if found['n'].isdigit() else 1}.5 {found['unit']}", said)
    for pattern in (_HEAT, _HEAT_TO):
        found = pattern.fullmatch(said)
        if found is not None:
            return _warmth(found)
    for pattern in _shapes():
        found = pattern.fullmatch(said)
        if found is not None:
            try:
                return _converted(found)
            except ZeroDivisionError:
                return "Nothing can be divided by zero."
    money = len(_MONEY.findall(said))
    pounds = money > 0 and re.search(r"\bpounds?\b", said) is not None
    return RATES if money + pounds >= 2 and _CONVERTS.fullmatch(said) else None


def _amount(spoken: str) -> Fraction:
    named = {"half": Fraction(1, 2), "quarter": Fraction(1, 4)}
    for word, value in named.items():
        if word in spoken:
            return value
    if spoken in ("a", "an"):
        return Fraction(1)
    sign = -1 if spoken.startswith(("minus", "negative")) else 1
    return sign * _fraction(spoken.rsplit(maxsplit=1)[-1])


def _converted(found: re.Match[str]) -> str | None:
    source, target = UNITS[found["from"]], UNITS[found["to"]]
    amount = _amount(found["n"])
    size, told_source = amount * source.size, _said(amount, source)
    if found["n2"]:
        smaller = (
            UNITS[found["from2"]]
            if found["from2"]
            else {"foot": UNITS["inch"], "pound": UNITS["ounce"], "stone": UNITS["pound"]}.get(source.one)
        )
        if smaller is None or smaller.measure != source.measure or smaller.size >= source.size:
            return None
        size += Fraction(found["n2"]) * smaller.size
        told_source += f" {_said(Fraction(found['n2']), smaller)}"
    if found["stuff"]:
        return _of_stuff(found["stuff"], size, source, target, told_source)
    ounces = UNITS["fluid ounce"]
    if {source.measure, target.measure} == {"mass", "volume"}:
        # An ounce of a liquid is a fluid ounce.
        if target.one == "ounce":
            target = ounces
        elif source.one == "ounce":
            size, source = amount * ounces.size, ounces
    if source.measure != target.measure:
        other = f"{source.many} {source.measure}"
        return f"{target.many.capitalize()} measure {target.measure} and {other}, so I can't convert them."
    return f"{told_source[0].upper()}{told_source[1:]} is {_said_about(size / target.size, target)}."


def _of_stuff(stuff: str, size: Fraction, source: Unit, target: Unit, told_source: str) -> str | None:
    if source.measure == target.measure:
        return f"{told_source[0].upper()}{told_source[1:]} is {_said_about(size / target.size, target)}."
    grams, cup = _CUPS.get(stuff.strip()), UNITS["cup"].size
    if grams is None or {source.measure, target.measure} != {"mass", "volume"}:
        return None
    density = Fraction(grams, 1000) / cup  # kilograms a litre
    amount = (size * density if source.measure == "volume" else size / density) / target.size
    rounded = Fraction(round(amount)) if amount >= 10 else Fraction(round(amount * 100), 100)
    about = _said_about(rounded, target).removeprefix("about ")
    return f"{told_source[0].upper()}{told_source[1:]} of {stuff.strip()} is about {about}."


def _warmth(found: re.Match[str]) -> str | None:
    target = _TEMPERATURES[found["to"]]
    source = _TEMPERATURES[found["from"]] if found["from"] else {"celsius": "fahrenheit"}.get(target, "celsius")
    value = _amount(found["n"])
    celsius = {"celsius": value, "fahrenheit": (value - 32) * Fraction(5, 9), "kelvin": value - Fraction("273.15")}[
        source
    ]
    result = {"celsius": celsius, "fahrenheit": celsius * Fraction(9, 5) + 32, "kelvin": celsius + Fraction("273.15")}[
        target
    ]
    if celsius < Fraction("-273.15"):
        return "Nothing can be as cold as that."
    return f"{_heat(value, source)} is {_heat(Fraction(round(result * 10), 10), target, about=result)}."


def _heat(value: Fraction, scale: str, about: Fraction | None = None) -> str:
    near = "about " if about is not None and about != value else ""
    figure = told(value)
    words = f"{near}{figure} kelvin" if scale == "kelvin" else f"{near}{figure} degrees {scale.capitalize()}"
    return words if about is not None else words[0].upper() + words[1:]


def _said(amount: Fraction, unit: Unit) -> str:
    return f"{told(amount)} {unit.one if abs(amount) == 1 else unit.many}"


def _said_about(amount: Fraction, unit: Unit) -> str:
    places = 2 if abs(amount) >= Fraction(1, 5) else 4 if abs(amount) >= Fraction(1, 100) else 8
    rounded = round(amount, places)
    if rounded == 0 and amount:
        return f"{told(amount)} {unit.many}"
    words = _said(rounded, unit)
    return words if abs(rounded - amount) <= abs(amount) / 10**6 or words.startswith("about") else f"about {words}"
