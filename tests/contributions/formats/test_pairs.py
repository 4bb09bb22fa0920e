from collections import Counter
from pathlib import Path

import pytest

from apps.common.errors import InvalidInput
from apps.contributions.formats.transcripts import Conversation, Turn, read_transcript
from apps.contributions.formats.transcripts.pairs import (
    Dropped,
    Pair,
    Speaker,
    count_words,
    extract_pairs,
    guess_persona,
    is_small_talk,
    speakers,
)

COFFEE = Path("/work/shared/data/conversations/coffee-orders.jsonl")
ASKED, ANSWERED = "Where is the station from here?", "It is down the road, left."


def _conversation(*turns: tuple[str, str], reference: str = "1") -> Conversation:
    return Conversation(reference, tuple(Turn(speaker, text) for speaker, text in turns))


def _dropped(*turns: tuple[str, str]) -> Counter[Dropped]:
    pairing = extract_pairs([_conversation(("Bot", "x"), *turns)], persona="Bot")
    assert pairing.pairs == []
    assert pairing.dropped.pop(Dropped.UNASKED) == 1
    return pairing.dropped


def test_a_question_and_its_answer_are_a_pair_with_what_came_before() -> None:
    conversation = _conversation(
        ("Anna", "Hi"), ("Bot", "Hello!"), ("Anna", ASKED), ("Bot", ANSWERED), ("Anna", ASKED), ("Bot", ANSWERED)
    )
    first = (Turn("Anna", "Hi"), Turn("Bot", "Hello!"))
    second = (*first, Turn("Anna", ASKED), Turn("Bot", ANSWERED))
    pairing = extract_pairs([conversation], persona="Bot")
    assert pairing.pairs == [Pair(ASKED, ANSWERED, first, "1", 4), Pair(ASKED, ANSWERED, second, "1", 6)]
    assert pairing.dropped == {Dropped.SHORT_QUESTION: 1}


def test_turns_in_a_row_are_one_message_and_all_others_one_side() -> None:
    conversation = _conversation(
        ("Anna", "Where is the station?"),
        ("Cleo", "And the harbour?"),
        ("Bot", "The station is left."),
        ("Bot", "The harbour is right."),
    )
    assert extract_pairs([conversation], persona="Bot").pairs == [
        Pair("Where is the station?\nAnd the harbour?", "The station is left.\nThe harbour is right.", (), "1", 2)
    ]


def test_the_history_of_a_pair_is_its_last_forty_messages() -> None:
    said = [("Anna", ASKED), ("Bot", ANSWERED)] * 30
    histories = [pair.history for pair in extract_pairs([_conversation(*said)], persona="Bot").pairs]
    assert [len(history) for history in histories] == [*range(0, 40, 2), *[40] * 10]
    assert histories[-1][-1] == Turn("Bot", ANSWERED)


def test_conversations_do_not_run_into_one_another() -> None:
    pairing = extract_pairs(
        [_conversation(("Anna", ASKED), reference="a"), _conversation(("Bot", ANSWERED), reference="b")], persona="Bot"
    )
    assert (pairing.pairs, pairing.dropped) == ([], {Dropped.UNANSWERED: 1, Dropped.UNASKED: 1})


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([("Anna", ASKED)], Dropped.UNANSWERED),
        ([("Anna", "Where is it now?"), ("Bot", ANSWERED)], Dropped.SHORT_QUESTION),
        ([("Anna", ASKED), ("Bot", "Left, then right again.")], Dropped.SHORT_ANSWER),
        ([("Anna", "Yes"), ("Bot", "Ok")], Dropped.SHORT_QUESTION),
        ([("Anna", "Hello there, how are you today?"), ("Bot", ANSWERED)], Dropped.SMALL_TALK),
        ([("Anna", ASKED), ("Bot", "Thank you so much, have a nice day!")], Dropped.SMALL_TALK),
    ],
)
def test_what_is_no_pair_is_counted_by_its_reason(turns: list[tuple[str, str]], reason: Dropped) -> None:
    assert _dropped(*turns) == {reason: 1}


def test_five_words_are_enough() -> None:
    conversation = _conversation(("Anna", "one two three four five"), ("Bot", "one two three four five"))
    assert len(extract_pairs([conversation], persona="Bot").pairs) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("… – !? 🎈", 0),
        ("Don't touch the re-entry button", 5),
        ("at 18:45 on_time", 5),
        ("Grüße aus Köln", 3),
        ("你好我想点一杯咖啡", 5),
        ("コーヒーをください", 5),
        ("주문하신 커피 나왔습니다", 3),
        ("iPhone很好用", 3),
        ("สวัสดีครับ", 5),
    ],
)
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you doing today?",
        "Hi there Anna, nice to meet you!",
        "Thank you very much, and have a great weekend.",
        "Ok, thanks a lot, bye bye!",
        "You’re welcome, see you soon!",
        "Guten Tag Herr, wie geht es Ihnen heute?",
        "Vielen Dank und auf Wiedersehen, schönen Tag noch!",
        "Bonjour, comment ça va ?",
        "Merci beaucoup et bonne journée à vous",
        "¡Hola! Buenos días, ¿cómo estás?",
        "Grazie mille, buona giornata anche a te",
        "Muito obrigada, até logo!",
        "Dank je wel, tot ziens!",
        "你好，谢谢，再见",
        "Спасибо, до свидания!",
    ],
)
def test_greetings_and_goodbyes_without_substance(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello, I would like a coffee please",
        "Thanks, it will be ready in a minute",
        "Guten Tag, ich suche einen Wintermantel",
        "Bonjour, avez-vous du pain complet ?",
        "你好，我想点一杯咖啡",
        "The weather is nice on this day",
        "The himalaya is high and hive-like",
        "",
    ],
)
def test_a_greeting_with_substance_stays(text: str) -> None:
    assert not is_small_talk(text)


def test_who_speaks_and_how_much() -> None:
    conversations = [
        _conversation(("Ben", "one two three"), ("Anna", "one")),
        _conversation(("Anna", "one two"), ("Cleo", "one"), ("Anna", "one")),
    ]
    assert speakers(conversations) == [Speaker("Anna", 3, 4), Speaker("Ben", 1, 3), Speaker("Cleo", 1, 1)]


@pytest.mark.parametrize(
    ("names", "guess"),
    [
        (["user", "assistant"], "assistant"),
        (["Kunde", "Berater"], "Berater"),
        (["Customer", "AGENT"], "AGENT"),
        (["human", "gpt"], "gpt"),
        (["Anna", "Ben"], None),
        (["assistant", "bot"], None),
        ([], None),
    ],
)
def test_the_persona_is_guessed_only_where_one_name_says_it(names: list[str], guess: str | None) -> None:
    assert guess_persona([Speaker(name, 1, 1) for name in names]) == guess


def test_a_speaker_whom_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput) as caught:
        extract_pairs([_conversation(("Anna", "x"), ("Ben", "y"))], persona="anna")
    assert (caught.value.code, caught.value.resolution) == ("unknown_speaker", "Choose one of: Anna, Ben.")


@pytest.mark.skipif(not COFFEE.exists(), reason="the shared conversations are not on this machine")
def test_pairs_of_real_ordering_dialogues() -> None:
    """631 exchanges, counted by hand in the file's turns: every answer of the assistant is a pair or has a reason."""
    conversations = read_transcript(COFFEE.read_text()).conversations
    pairing = extract_pairs(conversations, persona="assistant")
    assert len(pairing.pairs) == 345
    assert pairing.dropped == {Dropped.SHORT_QUESTION: 269, Dropped.SHORT_ANSWER: 17}
    answers = sum(turn.speaker == "assistant" for found in conversations for turn in found.turns)
    assert len(pairing.pairs) + pairing.dropped.total() == answers == 631
