"""The first stage: the text of the file, and who speaks in it."""

from collections.abc import Sequence
from typing import Any

from apps.common.errors import InvalidInput
from apps.contributions.enums import UploadStatus
from apps.contributions.formats.documents import Extracted, extract
from apps.contributions.formats.transcripts import read_transcript
from apps.contributions.formats.transcripts.pairs import Speaker, guess_persona, speakers
from apps.contributions.models import Upload
from apps.contributions.services.uploads.asking import Model, model_of
from apps.contributions.services.uploads.files import open_file
from apps.contributions.services.uploads.looking import look_at_pages
from apps.contributions.services.uploads.turns import Turn

MOST_SPEAKERS = 200  # that are offered; a group has fewer


def start(turn: Turn) -> None:
    turn.advance(UploadStatus.EXTRACTING, attempts=turn.upload.attempts)  # no step forward yet


def read_text(turn: Turn) -> None:
    """Store the text and go on; wait where somebody must say who the persona is."""
    upload = turn.upload
    model = model_of(upload)
    with open_file(upload) as file:
        extracted = extract(file, on_progress=turn.report)
        text, notes = look_at_pages(turn, model, file, extracted)
    if not text.strip():
        raise _no_text(extracted)
    found, left_out = _speakers_in(text, model)
    speaker = _who_is_meant(upload, found)
    report = {
        **upload.report,
        "speakers": [{"name": one.name, "turns": one.turns, "words": one.words} for one in found[:MOST_SPEAKERS]],
        "left_out": left_out,
        "recogniser": extracted.recogniser,
        "warnings": [*extracted.warnings, *notes],
    }
    report.pop("seen", None)
    values: dict[str, Any] = {"extracted_text": text, "pages": extracted.pages, "report": report, "speaker": speaker}
    if speaker:
        turn.advance(UploadStatus.PAIRING, **values)
    else:
        turn.end(UploadStatus.NEEDS_SPEAKER, **values)


def _speakers_in(text: str, model: Model | None) -> tuple[list[Speaker], dict[str, int]]:
    """Who speaks and what is nobody's turn; nobody, where only a model can read the text, and there is one."""
    try:
        transcript = read_transcript(text)
    except InvalidInput as error:
        if error.code == "no_conversation" and model is not None:
            return [], {}
        raise
    return speakers(transcript.conversations), {str(why): count for why, count in transcript.left_out.items()}


def _who_is_meant(upload: Upload, found: Sequence[Speaker]) -> str:
    """As the text spells it: whom the uploader named, else who answers people, else who is called as the persona."""
    if upload.speaker and not found:
        return upload.speaker
    if upload.speaker:
        return _called(upload.speaker, found)
    return guess_persona(found) or _called(upload.persona.name, found)


def _called(name: str, found: Sequence[Speaker]) -> str:
    return next((one.name for one in found if one.name.casefold() == name.casefold()), "")


def _no_text(extracted: Extracted) -> InvalidInput:
    missing = len(extracted.pages_without_text)
    why = " ".join(extracted.warnings) or "No text was found in the file."
    return InvalidInput(
        why if missing or extracted.warnings else "No text was found in the file.",
        resolution="Upload a file whose text can be marked and copied, or a sharper picture; or allow vision, where "
        "the organization does.",
        code="no_text",
    )
