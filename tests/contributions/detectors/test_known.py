import unicodedata

import pytest

from apps.contributions.detectors import NOTHING, Kind, KnownValue, KnownValues, anonymise
from apps.contributions.detectors.engine import find_spans

KNOWN = KnownValues(
    [
        KnownValue(Kind.PERSON, "Ludmila van Achterberg"),
        KnownValue(Kind.PERSON, "Will Strong"),
        KnownValue(Kind.PERSON, "Xochi"),
        KnownValue(Kind.PERSON, "José Ñandú"),
        KnownValue(Kind.BUSINESS, "Blaue Kachel Keramik GmbH"),
        KnownValue(Kind.BUSINESS, "Turmalin AG"),
        KnownValue(Kind.EMAIL, "Kachel@blau.example"),
        KnownValue(Kind.PHONE, "+49 (0)30 901 8200-4"),
        KnownValue(Kind.ADDRESS, "Haus Seeblick 4, Prerow"),
        KnownValue(Kind.SECRET, "#zebra-77#"),
        KnownValue(Kind.ID_NUMBER, "KD-2024-0091"),
    ]
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("and ludmila VAN achterberg came", ["ludmila VAN achterberg"]),
        ("and Achterberg came", ["Achterberg"]),
        ("and achterberg came", []),
        ("Achterbergstadt", []),
        ("the van is strong, will it", []),
        ("xochi wants tea", ["xochi"]),
        (unicodedata.normalize("NFD", "con José Ñandú, sí"), [unicodedata.normalize("NFD", "José Ñandú")]),
        ("bei blaue kachel keramik gekauft", ["blaue kachel keramik"]),
        ("die Turmalin liefert", ["Turmalin"]),
        ("ein turmalin ist ein Stein", []),
        ("an KACHEL@BLAU.example", ["KACHEL@BLAU.example"]),
        ("Nummer 030 / 901 82 004 stimmt", ["030 / 901 82 004"]),
        ("0049309018200-4", ["0049309018200-4"]),
        ("901 8200", []),
        ("im Haus Seeblick 4 wohnen", ["Haus Seeblick 4"]),
        ("sie sagte #zebra-77# dazu", ["#zebra-77#"]),
        ("zu KD-2024-0091: offen", ["KD-2024-0091"]),
        ("zu KD 2024 0091", []),
    ],
)
def test_known_values_are_found_without_a_cue(text: str, words: list[str]) -> None:
    assert [text[span.start : span.end] for span in find_spans(text, known=KNOWN)] == words


def test_nothing_is_known_of_nobody() -> None:
    assert not NOTHING
    assert (
        anonymise(["Ludmila van Zzz und Turmalin"]).texts
        == anonymise(["Ludmila van Zzz und Turmalin"], known=NOTHING).texts
    )


@pytest.mark.parametrize("value", ["", " ", "!", "x", "\ud800", "\x00", "the", "123", "e\u0301"])
def test_values_that_say_too_little_find_nothing(value: str) -> None:
    known = KnownValues([KnownValue(kind, value) for kind in Kind])
    assert find_spans("the cat, 123 times! x", known=known) == []


def test_ten_thousand_values_are_looked_up_and_not_tried_one_by_one() -> None:
    """The work per text is a look into one table: each word of the text is asked about once."""
    known = KnownValues(KnownValue(Kind.PERSON, f"Qa{number:05}x Zu{number:05}y") for number in range(10_000))
    text = "so Qa00077x Zu00077y und Zu04321y"
    assert [text[span.start : span.end] for span in known.find(text)][-1] == "Zu04321y"
    assert max(map(len, known._entries.values())) == 1


def test_values_that_begin_alike_are_not_tried_one_by_one_either() -> None:
    known = KnownValues(KnownValue(Kind.BUSINESS, f"Firma Qa{number:05}x GmbH") for number in range(5_000))
    text = "von Firma Qa00077x bezahlt"
    assert [text[span.start : span.end] for span in known.find(text)] == ["Firma Qa00077x"]
    assert max(map(len, known._entries.values())) == 2  # with the legal form and without
