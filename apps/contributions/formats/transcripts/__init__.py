"""Turns from texts in which people speak with one another, and the pairs of question and answer that they hold."""

from apps.common.errors import InvalidInput
from apps.common.registry import Registry
from apps.contributions.formats.transcripts.base import Conversation, LeftOut, Shape, Transcript, Turn
from apps.contributions.formats.transcripts.json_turns import JsonTurns
from apps.contributions.formats.transcripts.named_lines import NamedLines
from apps.contributions.formats.transcripts.telegram import TelegramCopy, TelegramExport
from apps.contributions.formats.transcripts.whatsapp import WhatsApp

__all__ = ["SHAPES", "Conversation", "LeftOut", "Transcript", "Turn", "read_transcript", "recognise"]

SHAPES: Registry[Shape] = Registry("shape of conversations")  # asked in this order: the more particular come first
SHAPES.register(TelegramExport())
SHAPES.register(JsonTurns())
SHAPES.register(WhatsApp())
SHAPES.register(TelegramCopy())
SHAPES.register(NamedLines())


def recognise(text: str) -> Shape | None:
    """The first shape that knows the text for its own."""
    return next((shape for shape in SHAPES if shape.recognises(text)), None)


def read_transcript(text: str) -> Transcript:
    """The conversations in a text of any shape; InvalidInput where it holds none."""
    shape = recognise(text)
    transcript = shape.read(text) if shape is not None else Transcript()
    if not transcript.conversations:
        examples = "\n".join(f"{shape.title}: {shape.example}" for shape in SHAPES)
        raise InvalidInput(
            "No conversation was found in the text.",
            resolution=f"Upload conversations in one of these shapes:\n{examples}",
            code="no_conversation",
        )
    return transcript
