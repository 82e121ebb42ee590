"""What is written is said in words, and what was heard is told as it was written."""

# ruff: noqa: E501, RUF001 - a table reads better in whole lines; typographic marks are what is tested

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.segmentation import Wording
from actors.text.spoken_form import SpokenForms

SAID = [
    ("It costs $5.99, not $0.05.", "It costs five dollars and ninety nine cents, not five cents."),
    ("A $100 bill, $3 million, $15/hour.", "A one hundred dollar bill, three million dollars, fifteen dollars per hour."),
    ("€1 and £2.50, 20-30 USD", "one euro and two pounds and fifty pence, twenty to thirty US dollars"),
    ("Come at 7:05, or 6:00 a.m. sharp.", "Come at seven oh five, or six A-M sharp."),
    ("It ends at 5 p.m.", "It ends at five P-M."),
    ("At 12:00 or 9:00-17:00.", "At twelve o'clock or nine to seventeen hundred."),
    ("Due 2024-12-25 or 12/25/2024.", "Due December twenty fifth, twenty twenty four or December twenty fifth, twenty twenty four."),
    ("On Dec. 25, 2001 and 3 May.", "On December twenty fifth, two thousand one and the third of May."),
    ("In 1066, the 1990s, the '80s.", "In ten sixty six, the nineteen nineties, the eighties."),
    ("In 1905 1500 people came.", "In nineteen oh five fifteen hundred people came."),
    ("The 21st of 1,234.5", "The twenty first of one thousand two hundred thirty four point five"),
    ("World War II, Henry VIII, Chapter IV.", "World War two, Henry the eighth, Chapter four."),
    ("The XIX century. I think so, and so do I.", "The nineteenth century. I think so, and so do I."),
    ("Use 1/2 cup, 1 1/2 cups, ¾ of it.", "Use one half cup, one and a half cups, three quarters of it."),
    ("It is 24/7, 9/10, 3-1.", "It is twenty four seven, nine out of ten, three to one."),
    ("10–12 people, 5-minute walk", "ten to twelve people, five-minute walk"),
    ("90 km/h, 5km, 1 kg, -5 °C, 6'2\"", "ninety kilometers per hour, five kilometers, one kilogram, minus five degrees Celsius, six foot two"),
    ("50% of 250 ml", "fifty percent of two hundred fifty milliliters"),
    ("Call 555-0142 or +1 202 555 0173.", "Call five five five, oh one four two or plus one, two oh two, five five five, oh one seven three."),
    ("The code is 4821.", "The code is four eight two one."),
    ("Room 305, Boeing 747, flight BA2490.", "Room three oh five, Boeing seven forty seven, flight B-A two four nine zero."),
    ("Write to anna@example.com now.", "Write to anna at example dot com now."),
    ("Ask müller@web.de or jörg_1@exämple.com.", "Ask müller at web dot D-E or jörg underscore one at exämple dot com."),
    ("See notes.txt, v2.0, Python 3.11.2.", "See notes dot T-X-T, version two point zero, Python three point eleven point two."),
    ("5 - 3 = 2, a < b, x^2, ~5", "five minus three equals two, a is less than b, x squared, about five"),
    ("Salt & pepper, #1, his/her, AT&T", "Salt and pepper, number one, his or her, A-T and T"),
    ("Look in /usr/bin or src/main/java.", "Look in /usr slash bin or src slash main slash java."),
    ("Dr. Smith of Elm St. in St. Louis", "doctor Smith of Elm street in saint Louis"),
    ("E.g. cats vs. dogs, i.e. pets, etc.", "for example cats versus dogs, that is pets, et cetera."),
    ("See Fig. 3 and p. 45; he said no.", "See figure three and page forty five; he said no."),
    ("Hello is Привет.", "Hello is Privet."),
    ("Tokyo is 東京 in Japanese.", "Tokyo is  in Japanese."),
    ("Beijing is 北京.", "Beijing is Bei Jing."),
]  # fmt: skip


def said(text: str) -> str:
    """Say a text as a reply is said: cut into pieces, each in words."""
    wording, forms = Wording(), SpokenForms()
    return "".join(forms.next(piece).spoken for piece in [*wording.feed(text), *wording.end()])


@pytest.mark.parametrize(("written", "words"), SAID)
def test_what_is_written_is_said_in_words(written: str, words: str) -> None:
    assert SpokenForms().next(written).spoken == words


@pytest.mark.parametrize(
    "text",
    [
        "Well my friend, that is a good question; I'd say so - don't you?",
        "May I? Mark my words. He said no. Then I left.",
        "He bought a CD and a DVD mix. NASA and the FBI agree.",
        "Henry I think is right, and so am I.",
        "“It is late,” she said… l'été au café, naïve O'Brien.",
    ],
)
def test_what_a_voice_says_right_is_left_alone(text: str) -> None:
    assert SpokenForms().next(text).spoken == text


def test_what_stands_in_two_pieces_is_read_as_one() -> None:
    forms = SpokenForms()
    assert [forms.next(piece).spoken for piece in ("It was World War", " II, as you know.")][1] == " two, as you know."
    assert said("He was born there on July 4, 1976.").endswith("July fourth, nineteen seventy six.")
    assert said("I think that it is exactly 5 km to go.") == "I think that it is exactly five kilometers to go."
    assert said("I really do think she was born Jan. 3, 2001.").endswith("January third, two thousand one.")


def test_another_language_is_left_as_it_is_written() -> None:
    assert SpokenForms("de-DE").next("Es kostet 5 €.").spoken == "Es kostet 5 €."


def test_a_persona_says_names_in_its_own_way() -> None:
    forms = SpokenForms(pronunciations={"Siobhan": "shivawn", "SQL": "sequel", "$5": "a fiver"})
    assert forms.next("Siobhan's SQL costs $5; siobhan!").spoken == "shivawn's sequel costs a fiver; shivawn!"
    assert SpokenForms(pronunciations={"art": "ought"}).next("A part of art.").spoken == "A part of ought."
    forms = SpokenForms(pronunciations={"us": "uss", "US": "U-S"})
    assert forms.next("US, us and Us.").spoken == "U-S, uss and uss."
    forms = SpokenForms(pronunciations={"US": "U-S", "us": "uss"})
    assert forms.next("US, us and Us.").spoken == "U-S, uss and uss."


def test_a_form_counts_as_heard_when_its_last_word_was() -> None:
    form = SpokenForms().next("Pay $5.99 now.")
    heard = {end: form.written[: form.written_until(end)] for end in range(len(form.spoken) + 1)}
    assert heard[len("Pay five dollars and ninety nine")] == "Pay "
    assert heard[len("Pay five dollars and ninety nine cents")] == "Pay $5.99"
    assert heard[len("Pay five dollars and ninety nine cents no")] == "Pay $5.99 no"
    assert heard[len(form.spoken)] == form.written


@pytest.mark.parametrize("figures", [320, 5_000])
@pytest.mark.parametrize("behind", ["th", " 1/2", "½", "′", "%", " km", ".50 $", "x3"])
def test_a_number_of_any_length_is_said(figures: int, behind: str) -> None:
    assert SpokenForms().next("9" * figures + behind).spoken.startswith("nine nine")


@pytest.mark.parametrize("text", ["Mrſ. Miller", "Noſ. 5", "Straſſe", "İ. K. 5"])
def test_odd_letters_are_left_as_they_are(text: str) -> None:
    forms = SpokenForms(pronunciations={"Strasse": "shtrahsse", "i": "ee"})
    assert forms.next(text).written == text


_MARKS = """$ 5 . 99 7:30 p.m. - – / 1 2 10 % km ° ' " ½ # @ & + = < > ^ II St. Dr. No. a I ( ) , 東京 Привет é 12/25
2024 ™ ... x k M 0 555 1234 e.g. U.S. https:// a@b.co"""
_BITS = st.sampled_from([*_MARKS.split(), " ", " ", " "])


_ODD = st.text("0123456789٣²½ſKİIVX.,:/-′'°$€£%^ thsdrmo", max_size=12)
_LONG = st.builds(str.__mul__, st.sampled_from(["9", "1", "0", "9,999"]), st.integers(15, 400))


@given(st.lists(st.one_of(_ODD, _LONG, _BITS, st.text(max_size=3)), max_size=6).map("".join))
def test_there_is_no_text_that_cannot_be_said(text: str) -> None:
    assert SpokenForms(pronunciations={"Strasse": "shtrahsse", "K": "kay"}).next(text).written == text


@given(st.lists(_BITS, max_size=25).map("".join))
def test_whatever_is_written_what_was_heard_is_a_beginning_of_it(text: str) -> None:
    form = SpokenForms().next(text)
    places = [form.written_until(end) for end in range(len(form.spoken) + 1)]
    assert form.written == text
    assert places == sorted(places)
    assert places[-1] == len(text)
