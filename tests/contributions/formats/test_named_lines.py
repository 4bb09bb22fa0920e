import pytest

from apps.contributions.formats.transcripts import Conversation, LeftOut, Turn
from apps.contributions.formats.transcripts.named_lines import NamedLines

INTERVIEW = """\
Interview of 12 March

Anna: How did you find the shop?

Ben: I looked for it on http://example.com
Note: he shows his telephone
and found it there.

It took me from 18:45 to 19:00.
ANNA: And then?
**Ben:** Then I went in.
"""


def _turns(text: str) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for found in NamedLines().read(text).conversations for turn in found.turns]


def test_turns_with_what_belongs_to_them() -> None:
    transcript = NamedLines().read(INTERVIEW)
    assert transcript.conversations == [
        Conversation(
            "1",
            (
                Turn("Anna", "How did you find the shop?"),
                Turn(
                    "Ben",
                    "I looked for it on http://example.com\nNote: he shows his telephone\nand found it there.\n\n"
                    "It took me from 18:45 to 19:00.",
                ),
                Turn("Anna", "And then?"),
                Turn("Ben", "Then I went in."),
            ),
        )
    ]
    assert transcript.left_out == {LeftOut.BEFORE_FIRST_SPEAKER: 1}


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        "anna",
        "Dr. Müller-Lüdenscheidt",
        "O'Neil",
        "Speaker 1",
        "Ana María de la",
        "李雷",
        "Анна",
        "Kundin (Berlin)",
    ],
)
def test_names_of_speakers(name: str) -> None:
    assert _turns(f"{name}: one\nX: two\n{name}: three\nX: four") == [
        (name, "one"),
        ("X", "two"),
        (name, "three"),
        ("X", "four"),
    ]


@pytest.mark.parametrize("prefix", ["", "  ", "[18:45] ", "(00:01:23) ", "18:45 ", "00:01:23.500 ", "18:45 - ", "**"])
def test_what_may_stand_before_a_name(prefix: str) -> None:
    end = "**" if prefix == "**" else ""
    text = "\n".join(f"{prefix}{name}{end}: hello" for name in ("Anna", "Ben", "Anna", "Ben"))
    assert NamedLines().recognises(text)
    assert _turns(text) == [("Anna", "hello"), ("Ben", "hello")] * 2


@pytest.mark.parametrize(
    "line",
    [
        "Note: mind the step",
        "Subject: your order",
        "http://example.com",
        "18:45: we met",
        "Anna:hello",
        "- Anna",
        ": x",
    ],
)
def test_what_is_no_speaker_however_often_it_comes(line: str) -> None:
    text = f"Anna: one\n{line}\nBen: two\n{line}\nAnna: three\nBen: four"
    assert _turns(text) == [("Anna", f"one\n{line}"), ("Ben", f"two\n{line}"), ("Anna", "three"), ("Ben", "four")]


def test_a_name_on_one_line_is_a_speaker_only_if_it_says_what_somebody_is() -> None:
    assert _turns("Customer: one\nBot: two") == [("Customer", "one"), ("Bot", "two")]
    assert not NamedLines().recognises("Anna: one\nBen: two")
    assert _turns("Anna: one\nBen: two\nPlan: three\nAnna: four\nBen: five")[1] == ("Ben", "two\nPlan: three")


@pytest.mark.parametrize(
    "rule", ["---", "=====", "* * *", "~~~~", "Conversation 2", "## Chat #12:", "GESPRÄCH 3", "Dialogue 4:"]
)
def test_a_rule_or_a_number_begins_a_new_conversation(rule: str) -> None:
    text = f"User: one\nBot: two\n\n{rule}\n\nUser: three\nBot: four"
    assert [(found.reference, len(found.turns)) for found in NamedLines().read(text).conversations] == [
        ("1", 2),
        ("2", 2),
    ]


def test_blank_lines_begin_no_new_conversation() -> None:
    assert len(NamedLines().read("User: one\n\n\n\nBot: two").conversations) == 1


def test_who_says_nothing_has_no_turn() -> None:
    transcript = NamedLines().read("User:\nBot: two\nUser: \n\nBot: four")
    assert [turn.text for turn in transcript.conversations[0].turns] == ["two", "four"]
    assert transcript.left_out == {LeftOut.EMPTY: 2}


def test_what_is_said_may_begin_on_the_next_line() -> None:
    assert _turns("User:\none\nBot:\n\ntwo") == [("User", "one"), ("Bot", "two")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A letter without speakers. Just words.",
        "Note: a\nNote: b\nSubject: c\nSubject: d",
        "Anna: alone\nAnna: still alone",
        "i think: yes\ni think: no\nwe said: yes\nwe said: no",
        "x" * 100_000,
        ("a" * 50 + " ") * 2_000,
    ],
)
def test_what_holds_no_conversation(text: str) -> None:
    assert not NamedLines().recognises(text)
