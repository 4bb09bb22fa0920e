from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contributions.detectors import REPLACEMENTS, Kind, KnownValue, KnownValues, Span, anonymise, find_spans
from tests.contributions.detectors.texts import texts

KNOWN = KnownValues(
    [
        KnownValue(Kind.PERSON, "Ada Achterberg"),
        KnownValue(Kind.BUSINESS, "Firma GmbH"),
        KnownValue(Kind.PHONE, "+49 30 23125019"),
        KnownValue(Kind.EMAIL, "x@y.zz"),
        KnownValue(Kind.PERSON, "name"),
    ]
)


@given(st.lists(texts, min_size=1, max_size=3))
def test_doing_it_again_changes_nothing(conversation: list[str]) -> None:
    once = anonymise(conversation, known=KNOWN)
    again = anonymise(once.texts, known=KNOWN)
    assert again.texts == once.texts
    assert again.counts == {}


@given(texts)
def test_spans_lie_inside_the_text_in_order_and_apart(text: str) -> None:
    spans = find_spans(text, known=KNOWN)
    ends = [0] + [span.end for span in spans]
    assert all(end <= span.start < span.end <= len(text) for end, span in zip(ends, spans, strict=False))


@given(texts)
def test_nothing_outside_the_spans_changes(text: str) -> None:
    """What is left between the replacements is the text's own, in its order."""
    result = anonymise([text]).texts[0]
    left = result
    for words in REPLACEMENTS.values():
        left = left.replace(words, "\x01")
    position = 0
    original = text
    for words in REPLACEMENTS.values():
        original = original.replace(words, "\x01")
    for piece in left.split("\x01"):
        position = original.find(piece, position)
        assert position >= 0
        position += len(piece)


def test_a_text_without_personal_data_is_the_very_same() -> None:
    text = "One cappuccino with extra foam, please."
    assert anonymise([text]).texts[0] is text


def test_what_is_found_once_is_replaced_everywhere_in_the_conversation() -> None:
    result = anonymise(
        [
            "Hi, this is Nkechi from Harbour Lane Optics.",
            "Hello Nkechi! The order of harbour lane optics, nkechi?",
            "Nkechi's order went to 14 Quay Street, Bristol BS1 4QA.",
            "Not 14 Quay Street again!",
        ]
    )
    assert result.texts == (
        "Hi, this is [PERSON_NAME] from [BUSINESS_NAME].",
        "Hello [PERSON_NAME]! The order of [BUSINESS_NAME], [PERSON_NAME]?",
        "[PERSON_NAME]'s order went to [ADDRESS].",
        "Not [ADDRESS] again!",
    )
    assert result.counts == {Kind.PERSON: 4, Kind.BUSINESS: 2, Kind.ADDRESS: 2}


def test_parts_of_a_name_are_replaced_where_no_cue_stands() -> None:
    texts = ["My name is Thandeka Mbatha.", "Mbatha, Thandeka", "Did Mbatha pay? thandeka did."]
    assert anonymise(texts).texts == (
        "My name is [PERSON_NAME].",
        "[PERSON_NAME]",
        "Did [PERSON_NAME] pay? thandeka did.",
    )


def test_a_name_that_is_also_a_word_is_not_carried_to_where_it_is_the_word() -> None:
    texts = ["Dear Will,", "Will you come? I hope will is strong. I think Will paid."]
    assert anonymise(texts).texts[1] == "Will you come? I hope will is strong. I think [PERSON_NAME] paid."


def test_a_password_is_replaced_where_it_is_repeated_but_a_short_pin_is_not() -> None:
    texts = ["My password is Fj0rd!horse and my pin is 4821.", "Fj0rd!horse does not work; order 4821 neither."]
    assert anonymise(texts).texts == (
        "My password is [SECRET] and my pin is [SECRET].",
        "[SECRET] does not work; order 4821 neither.",
    )


def test_conversations_do_not_learn_from_each_other() -> None:
    assert anonymise(["My name is Thandeka."]).texts == ("My name is [PERSON_NAME].",)
    assert anonymise(["Thandeka paid."]).texts == ("Thandeka paid.",)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Anna Weber GmbH", Kind.BUSINESS),
        ("anna.weber@firma.example", Kind.EMAIL),
        ("https://anna:pw12@203.0.113.4/x", Kind.URL),
        ("IBAN DE89 3704 0044 0532 0130 00", Kind.IBAN),
        ("Karl-Marx-Allee 5, 10178 Berlin", Kind.ADDRESS),
    ],
)
def test_of_what_overlaps_the_longest_wins(text: str, kind: Kind) -> None:
    assert [span.kind for span in find_spans(text)] == [kind]


def test_what_overlaps_is_replaced_as_a_whole() -> None:
    known = KnownValues([KnownValue(Kind.BUSINESS, "Weber oder Moden")])
    assert find_spans("Anna Weber oder Moden", known=known) == [Span(0, 21, Kind.BUSINESS)]


def test_replacements_are_left_alone_and_not_counted() -> None:
    text = "Dear [PERSON_NAME], write to contact@example.com or call +1 (555) 000-0000. Name: [PERSON_NAME]"
    result = anonymise([text])
    assert (result.texts, result.counts) == ((text,), {})


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "\ud800", "\U0010ffff", "e\u0301" * 50, "@" * 500, "1" * 3000, "A. " * 500, "[" * 900]
)
def test_odd_texts_come_back(text: str) -> None:
    assert anonymise([text]).texts == (text,)


def test_offsets_count_characters_whatever_they_are() -> None:
    text = "😀\ud800 e\u0301 my name is Zoe\u0301 Okonkwo, ok"
    (span,) = find_spans(text)
    assert text[span.start : span.end] == "Zoe\u0301 Okonkwo"


def test_long_texts_take_no_longer_than_their_length() -> None:
    """Patterns that go back and forth would not come back from these at all."""
    worst: list[Any] = [
        "Aa " * 20_000,
        "a.b-" * 10_000,
        "12 " * 20_000,
        "x@" * 20_000,
        "Aa & " * 10_000,
        "1 Aa Bb " * 8_000,
        "sk-" * 20_000,
    ]
    assert [len(anonymise([text]).texts) for text in worst] == [1] * len(worst)
