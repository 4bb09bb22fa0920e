from datetime import datetime

import pytest

from apps.contributions.formats.transcripts import Conversation, LeftOut, Turn
from apps.contributions.formats.transcripts.whatsapp import WhatsApp

IPHONE = """\
[12.03.24, 18:45:10] Pizza am Freitag: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.
[12.03.24, 18:45:30] Anna: Hallo Ben,
kommst du am Freitag?

Wir fangen um acht an: 20:00 Uhr.
\u200e[12.03.24, 18:46:02] ~\u202fBen: \u200eBild weggelassen
[12.03.24, 18:46:40] ~\u202fBen: Gern, ich bringe Wein mit \u200e<Diese Nachricht wurde bearbeitet.>
"""

ANDROID = """\
12/03/2024, 18:45 - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
12/03/2024, 18:45 - Anna created group "Pizza: Friday"
12/03/2024, 18:45 - Anna: Are you coming on Friday?
12/03/2024, 18:46 - Ben Müller: <Media omitted>
12/03/2024, 18:46 - Ben Müller: IMG-20240312-WA0001.jpg (file attached)
12/03/2024, 18:47 - Ben Müller: This message was deleted
12/03/2024, 18:47 - +49 170 1234567: See http://example.com: it says eight
12/03/2024, 18:48 - Anna:
"""


def _turns(text: str) -> list[Turn]:
    return [turn for conversation in WhatsApp().read(text).conversations for turn in conversation.turns]


def _times(*stamps: str) -> list[datetime | None]:
    return [turn.at for turn in _turns("\n".join(f"{stamp} Anna: hello" for stamp in stamps))]


def test_an_export_of_an_iphone() -> None:
    transcript = WhatsApp().read(IPHONE)
    assert transcript.conversations == [
        Conversation(
            "2024-03-12T18:45:30",
            (
                Turn(
                    "Anna",
                    "Hallo Ben,\nkommst du am Freitag?\n\nWir fangen um acht an: 20:00 Uhr.",
                    datetime(2024, 3, 12, 18, 45, 30),
                ),
                Turn("Ben", "Gern, ich bringe Wein mit", datetime(2024, 3, 12, 18, 46, 40)),
            ),
        )
    ]
    assert transcript.left_out == {LeftOut.NOTICE: 1, LeftOut.MEDIA: 1}


def test_an_export_of_an_android_telephone() -> None:
    transcript = WhatsApp().read(ANDROID)
    assert [conversation.turns for conversation in transcript.conversations] == [
        (
            Turn("Anna", "Are you coming on Friday?", datetime(2024, 3, 12, 18, 45)),
            Turn("+49 170 1234567", "See http://example.com: it says eight", datetime(2024, 3, 12, 18, 47)),
        )
    ]
    assert transcript.left_out == {LeftOut.NOTICE: 3, LeftOut.MEDIA: 2, LeftOut.EMPTY: 1}


@pytest.mark.parametrize(
    "instead",
    [
        "<Media omitted>",
        "<Medien ausgeschlossen>",
        "<Multimedia omitido>",
        "<Médias omis>",
        "<Mídia oculta>",
        "<Media omessi>",
        "<Media weggelaten>",
        "<Pominięto multimedia>",
        "<Без медиафайлов>",
        "<attached: 00000012-PHOTO-2024-03-12.jpg>",
        "image omitted",
        "Bild weggelassen",
        "imagen omitida",
        "audio omitido",
        "immagine omessa",
        "vidéo absente",
        "null",
        "DOC-20240312.pdf (Datei angehängt)",
    ],
)
def test_what_stands_for_a_picture_or_a_voice_is_no_turn(instead: str) -> None:
    transcript = WhatsApp().read(f"12.03.24, 18:45 - Anna: {instead}\n12.03.24, 18:46 - Ben: \u200e{instead}")
    assert (transcript.conversations, transcript.left_out) == ([], {LeftOut.MEDIA: 2})


@pytest.mark.parametrize(
    "said", ["The <b> tag is omitted here", "I love this image", "a null result", "<3", "<3 you <3"]
)
def test_what_people_write_about_pictures_is_a_turn(said: str) -> None:
    assert [turn.text for turn in _turns(f"12.03.24, 18:45 - Anna: {said}")] == [said]


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("[12.03.24, 18:45:10]", datetime(2024, 3, 12, 18, 45, 10)),
        ("[12/03/2024, 18:45:10]", datetime(2024, 3, 12, 18, 45, 10)),
        ("[3/12/24, 6:45:10\u202fPM]", datetime(2024, 3, 12, 18, 45, 10)),
        ("[2024/03/12 18:45:10]", datetime(2024, 3, 12, 18, 45, 10)),
        ("12/03/2024, 18:45 -", datetime(2024, 3, 12, 18, 45)),
        ("12-03-2024 18:45 -", datetime(2024, 3, 12, 18, 45)),
        ("2024-03-12, 18:45 -", datetime(2024, 3, 12, 18, 45)),
        ("12.3.2024 18.45 -", datetime(2024, 3, 12, 18, 45)),
        ("3/12/24, 6:45 PM -", datetime(2024, 3, 12, 18, 45)),
        ("3/12/24, 12:05 am -", datetime(2024, 3, 12, 0, 5)),
        ("3/12/24, 12:05 pm -", datetime(2024, 3, 12, 12, 5)),
        ("13/3/24, 6:45 p. m. -", datetime(2024, 3, 13, 18, 45)),
        ("13/3/24, 6:45\u00a0a.\u00a0m. -", datetime(2024, 3, 13, 6, 45)),
    ],
)
def test_times_as_telephones_print_them(stamp: str, time: datetime) -> None:
    assert _times(stamp) == [time]


def test_the_order_of_day_and_month_is_told_by_the_whole_file() -> None:
    assert _times("03/04/24, 18:45 -", "03/13/24, 18:45 -")[0] == datetime(2024, 3, 4, 18, 45)
    assert _times("03/04/24, 18:45 -", "13/04/24, 18:45 -")[0] == datetime(2024, 4, 3, 18, 45)
    # both can be dates: time does not run backwards
    assert _times("01/31/24, 18:45 -", "02/01/24, 18:45 -", "02/02/24, 18:45 -")[1] == datetime(2024, 2, 1, 18, 45)
    assert _times("11/01/24, 18:45 -", "12/01/24, 18:45 -", "01/02/24, 18:45 -")[2] == datetime(2024, 2, 1, 18, 45)


def test_a_time_that_is_none_leaves_the_turn_without_one() -> None:
    assert _times("99.99.24, 18:45 -", "12.03.24, 25:45 -") == [None, None]


def test_a_silence_of_more_than_eight_hours_parts_conversations() -> None:
    text = (
        "12.03.24, 18:00 - Anna: one\n13.03.24, 02:00 - Ben: still the same\n"
        "13.03.24, 10:01 - Anna: another day\n\n13.03.24, 10:02 - Ben: hello"
    )
    conversations = WhatsApp().read(text).conversations
    assert [(found.reference, len(found.turns)) for found in conversations] == [
        ("2024-03-12T18:00:00", 2),
        ("2024-03-13T10:01:00", 2),
    ]


def test_what_stands_above_the_first_message_is_counted() -> None:
    transcript = WhatsApp().read("Chat with Ben\n\nexported yesterday\n12.03.24, 18:45 - Anna: hello")
    assert transcript.left_out == {LeftOut.BEFORE_FIRST_SPEAKER: 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12.03.24, 18:45 - Anna: hello",  # one line makes no conversation
        "12.03.24 was a Tuesday - Anna: hello\n12.03.24 was a Tuesday - Anna: hello",
        "[1] Anna: hello\n[2] Ben: hello",
        "Anna, [12.03.24 18:45]\nhello\nBen, [12.03.24 18:46]\nhello",
    ],
)
def test_what_is_no_export(text: str) -> None:
    assert not WhatsApp().recognises(text)


@pytest.mark.parametrize("text", [IPHONE, ANDROID])
def test_exports_are_recognised(text: str) -> None:
    assert WhatsApp().recognises(text)
