"""What of a reply is spoken: nothing of its markup, in pieces that do not depend on how the tokens were cut."""

# ruff: noqa: RUF001 - typographic marks are what is tested

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.segmentation import MAX_PIECE_CHARACTERS, Wording


def pieces(text: str, *, cuts: random.Random | None = None, max_characters: int = 100_000) -> list[str]:
    """Speak `text`, in one go or cut into random deltas."""
    wording = Wording(max_characters=max_characters)
    spoken: list[str] = []
    while text:
        length = len(text) if cuts is None else cuts.randint(1, 6)
        spoken += wording.feed(text[:length])
        text = text[length:]
    return spoken + wording.end()


def spoken(text: str) -> str:
    return "".join(pieces(text))


class TestPieces:
    def test_the_first_piece_ends_after_a_clause(self) -> None:
        assert pieces("Well my friend, that is a good question. Let me think.") == [
            "Well my friend,",
            " that is a good question.",
            " Let me think.",
        ]

    def test_the_first_piece_ends_after_six_words_where_no_clause_does(self) -> None:
        assert pieces("one two three four five six seven eight nine.")[0] == "one two three four five six"

    def test_the_first_piece_is_sent_before_the_rest_is_known(self) -> None:
        wording = Wording()
        assert wording.feed("Good morning,") == []
        assert wording.feed(" ") == ["Good morning,"]

    def test_one_word_alone_is_no_first_piece(self) -> None:
        assert pieces("Yes. I think so too.") == ["Yes. I think so too."]
        assert pieces("Yes.") == ["Yes."]

    def test_a_new_line_ends_a_piece(self) -> None:
        assert pieces("Two words\nthen more\nand more") == ["Two words", " then more", " and more"]

    @pytest.mark.parametrize(
        "sentence",
        [
            "So here we go: I met Mr. Smith and Dr. J. Jones at 10:30 today.",
            "So here we go: pi is 3.14, e.g. for circles, i.e. round things, by St. Ives.",
            "So here we go: it starts at 5 p.m. in the U.S. this year.",
            "So here we go: it costs 1,000 dollars at example.com today.",
        ],
    )
    def test_an_abbreviation_or_a_number_ends_no_sentence(self, sentence: str) -> None:
        assert pieces(sentence) == ["So here we go:", sentence.removeprefix("So here we go:")]

    @pytest.mark.parametrize(
        "sentence",
        [
            "So here we go: we talked to Capt. Kirk and Gov. Smith.",
            "So here we go: it is on page ten in Fig. 3 of the book.",
            "So here we go: take No. 5 on Jan. 3 at Mt. Everest.",
            "So here we go: the 5 p.m. train takes 20 min. from here.",
            "So here we go: bring pens, paper etc. and wait.",
        ],
    )
    def test_an_abbreviation_in_mid_sentence_ends_none(self, sentence: str) -> None:
        assert pieces(sentence) == ["So here we go:", sentence.removeprefix("So here we go:")]

    def test_a_word_that_may_be_an_abbreviation_ends_a_sentence_before_a_capital(self) -> None:
        assert pieces("So here we go: he said no. Then he left.")[1:] == [" he said no.", " Then he left."]

    def test_the_first_piece_does_not_cut_a_number_from_its_unit(self) -> None:
        assert pieces("I think that it is 5 km to go from here.")[0] == "I think that it is 5 km"

    def test_a_closing_quote_belongs_to_its_sentence(self) -> None:
        assert pieces("Hello you. “It is late.” Then she left.")[1:] == [" “It is late.”", " Then she left."]

    def test_scripts_without_spaces_end_their_sentences_too(self) -> None:
        assert pieces("我很好。你呢？谢谢你。") == ["我很好。", "你呢？", "谢谢你。"]

    def test_a_long_sentence_is_cut_at_a_clause(self) -> None:
        sentence = (
            "Hello there. " + "and so the long tale went on and on for ages " * 4 + "until noon, " + "or later " * 9
        )
        longest = max(pieces(sentence), key=len)
        assert longest.endswith("until noon,")

    def test_a_sentence_without_marks_is_cut_at_a_word(self) -> None:
        said = pieces("word " * 500)
        assert all(len(piece) <= MAX_PIECE_CHARACTERS for piece in said)
        assert all(piece.endswith("word") for piece in said)
        assert "".join(said) == ("word " * 500).strip()

    def test_a_reply_of_100_kb_without_a_space_streams_in_bounded_pieces(self) -> None:
        wording, said = Wording(), []
        for _ in range(1000):
            now = wording.feed("x" * 100)
            assert sum(map(len, now)) <= MAX_PIECE_CHARACTERS
            said += now
        assert sum(map(len, said)) > 99_000
        assert "".join(said + wording.end()) == "x" * 100_000

    def test_a_reply_ends_at_a_word_when_it_has_said_enough(self) -> None:
        wording = Wording(max_characters=50)
        said = [piece for _ in range(100) for piece in wording.feed("seven eight nine ")] + wording.end()
        assert wording.finished
        assert "".join(said) == "seven eight nine seven eight nine seven eight nine"

    def test_what_holds_no_word_is_no_piece(self) -> None:
        assert pieces(" \n ... \n 😀 ") == []
        assert pieces("") == []


SPOKEN = [
    ("I am *really* sure, **quite** sure and ***very*** sure.", "I am really sure, quite sure and very sure."),
    ("_So_ it is __said__ in snake_case.", "So it is said in snake case."),
    ("~~Old~~ news", "Old news"),
    ("# Title\nText", "Title Text"),
    ("Issue #1 in C# is open", "Issue #1 in C# is open"),
    ("- one\n* two\n+ three\n• four\n  - [x] five", "one two three four five"),
    ("1. Mix it.\n2) Eat it.", "1. Mix it. 2. Eat it."),
    ("-5 degrees", "-5 degrees"),
    ("> quoted *text*", "quoted text"),
    ("Above\n\n---\n\nBelow", "Above Below"),
    ("Title\n=====\nText", "Title Text"),
    ("See [the docs](https://x.org/a_(b) \"Title\") now", "See the docs now"),
    ("A ![picture](http://x.org/y.png) here", "A here"),
    ("[![badge](u)](v) works", "works"),
    ("As known [1], and noted[^2].", "As known, and noted."),
    ("Use `pip` now", "Use pip now"),
    ("Like this:\n```python\nprint('x')\n```\nDone.", "Like this: Done."),
    ("Like this:\n~~~\ncode\n~~~\nDone.", "Like this: Done."),
    ("Never closed:\n```\ncode", "Never closed:"),
    ("| A | B |\n|---|:-:|\n| 1 | 2 |\n\nEnd", "A, B 1, 2 End"),
    ("Yes 😀👍🏽! Really 🇫🇷 1️⃣.", "Yes! Really 1."),
    ("*smiles* Hello.", "Hello."),
    ("*leans back and smiles* Hello.", "Hello."),
    ("Fine. *Laughs softly.* And you?", "Fine. And you?"),
    ("Fine, *chuckles* I guess.", "Fine, I guess."),
    ("Sure (laughs), why not? (sighing deeply) Well.", "Sure, why not? Well."),
    ("[sighs] Well. [clears throat] So.", "Well. So."),
    ("*This* matters. *Always* lock it. *Never* doubt. That *works* well.",
     "This matters. Always lock it. Never doubt. That works well."),
    ("He *thinks* he is right. Nobody *cries* here. He *laughs*.",
     "He thinks he is right. Nobody cries here. He laughs."),
    ("*Breaking Bad*\n*James Bond*\n_Stars_\n*Paris*", "Breaking Bad James Bond Stars Paris"),
    ("I pick this. *Finding Nemo* Everybody likes it.", "I pick this. Finding Nemo Everybody likes it."),
    ("*it's time* *not at all* *cats are great*", "it's time not at all cats are great"),
    ("That is so funny *laughs*", "That is so funny"),
    ("*with a smile* Hello.", "Hello."),
    ("It helps (sometimes) and is fine (yes).", "It helps (sometimes) and is fine (yes)."),
    ("- *Jaws*\n- *Friends*", "Jaws Friends"),
    ("Go to https://www.docs.rs/a?b=c#d. Then www.x.org, <https://y.org/>.", "Go to docs.rs. Then x.org, y.org."),
    ("(see http://user:pw@host.org:8080/a)", "(see host.org)"),
    ("<think>Hm.\n\nLet me see</think>\n\nParis.", "Paris."),
    ("<thinking>never closed", ""),
    ("Paris.<|im_end|>", "Paris."),
    ("It is <b>bold</b>, <span style=\"x\">so</span><br/>there", "It is bold, so there"),
    ("a < b and c > d, x<y", "a < b and c > d, x<y"),
    ("2*3 and 2 * 3", "2 times 3 and 2 times 3"),
    (r"\*not\* emphasised \[at all\]", "not emphasised at all"),
    ("It is ~5 km", "It is about 5 km"),
    ("Hi\x00 the\u200bre\ud83d,\x1b\tyou", "Hi there, you"),
    ("So. [The user interrupted here. They did not hear the rest.]", "So."),
    ("100% of $5 is 20 °C", "100% of $5 is 20 °C"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), SPOKEN)
def test_markup_is_not_spoken(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize("written", [written for written, _ in SPOKEN])
@pytest.mark.parametrize("seed", range(5))
def test_the_cutting_into_tokens_changes_nothing(written: str, seed: int) -> None:
    text = f"{written} And more, my friend. {written}"
    assert pieces(text, cuts=random.Random(seed)) == pieces(text)


_MARKS = """
*smiles* (laughs) [sighs] http:// https:// www. <think> </think> ``` ` ** * _ __ ~~ ~ [ ]( ] ) ( # | |-- - --- 1. \\ !
<b> < > / : 😀 . , ; Hello this word a Z 9 Mr. <| |> 。 é
"""
BITS = st.sampled_from([*_MARKS.split(), " ", "\n", "\n\n", "\n- ", "\r\n", "\t", "\ud83d", "\ue002"])


@given(st.lists(BITS, max_size=30).map("".join), st.randoms(use_true_random=False))
def test_whatever_comes_the_pieces_are_plain_and_the_same_for_every_cutting(text: str, cuts: random.Random) -> None:
    said = pieces(text)
    assert pieces(text, cuts=cuts) == said
    joined = "".join(said)
    assert joined == joined.strip()
    assert not any(left.isspace() and right.isspace() for left, right in pairwise(joined))
    assert not set(joined) & set("*_`|[]😀\n\t\r\ue000\ue001\ue002\ue003")
    joined.encode()  # raises if a lone surrogate is left
    assert all(len(piece) <= MAX_PIECE_CHARACTERS and any(map(str.isalnum, piece)) for piece in said)


@pytest.mark.parametrize("text", ["[", "*a", "`", "<think ", "|", "(a", "![", "http://", "\\", "~", "1", "- ", "{"])
def test_memory_stays_bounded_whatever_never_closes(text: str) -> None:
    wording = Wording()
    for _ in range(3000):
        wording.feed(text)
        assert len(wording._markup._text) < 1000
        assert len(wording._piece) <= MAX_PIECE_CHARACTERS
