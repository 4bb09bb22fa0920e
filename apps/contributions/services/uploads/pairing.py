"""The second stage: pairs of what was asked and what the persona's speaker answered, stored as accepted examples."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.common.database import hold
from apps.common.errors import InvalidInput
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Upload
from apps.contributions.queries.materials import material_of
from apps.contributions.services.intake import ExampleResult, ExampleResultStatus, Intake, NewExample
from apps.contributions.services.uploads.asking import model_of
from apps.contributions.services.uploads.portions import Portion, ReadPair, portions_by_model, portions_by_rules
from apps.contributions.services.uploads.turns import Turn, TurnOver

NO_PAIRS = "no_pairs"
COUNTED_AS = {
    ExampleResultStatus.CREATED: "new",
    ExampleResultStatus.EXISTS: "duplicates",
    ExampleResultStatus.DUPLICATE: "duplicates",
    ExampleResultStatus.REJECTED: "unusable",
}


@dataclass(frozen=True)
class Uploader:
    """Who brought the file in: what comes of it is accepted on their word."""

    audit_name: str


def find_pairs(turn: Turn) -> None:
    """Store the pairs portion by portion, and go on; InvalidInput where the whole text held none."""
    upload = turn.upload
    material, model = material_of(upload=upload), model_of(upload)
    if not upload.progress_done:
        begun = {**upload.report, "redactions": material.redactions, "pieces": model is not None}
        turn.keep(report=begun, attempts=upload.attempts)  # no step forward yet
    if model is None and not material.conversations:
        raise _unreadable()
    if model is None:
        portions = portions_by_rules(material, done=upload.progress_done)
    else:
        portions = portions_by_model(material, model, done=upload.progress_done, must_answer=turn.is_last_start)
    for portion in portions:
        _store(turn, portion)
        if turn.must_stop() and portion.done < portion.total:
            raise TurnOver
    _require_pairs(upload)
    turn.advance(UploadStatus.CHOOSING)


@transaction.atomic
def _store(turn: Turn, portion: Portion) -> None:
    """The examples and how far the stage is, together or not at all."""
    upload = turn.upload
    hold(upload.persona)
    intake = Intake(upload.persona, by=Uploader(upload.uploaded_by), now=turn.clock.now(), upload=upload)
    results = intake.take_in([_example_of(upload, pair) for pair in portion.pairs])
    created = sum(result.status == ExampleResultStatus.CREATED for result in results)
    turn.keep(
        progress_done=portion.done,
        progress_total=portion.total,
        rows_imported=upload.rows_imported + created,
        report=_counted(upload.report, portion, results),
    )


def _example_of(upload: Upload, pair: ReadPair) -> NewExample:
    return NewExample(
        upload.persona.slug,
        {"history": [dict(turn) for turn in pair.history], "message": pair.question},
        label={"text": pair.answer},
        client_id=f"upload-{upload.pk}-{pair.place}",
        conversation_ref=f"upload-{upload.pk}-{pair.conversation}",
    )


def _counted(report: Mapping[str, Any], portion: Portion, results: list[ExampleResult]) -> dict[str, Any]:
    """The report with this portion added to its numbers."""
    became = Counter(COUNTED_AS[result.status] for result in results)
    return {
        **report,
        "pairs": _added(report.get("pairs", {}), {"found": len(results), **became}),
        "dropped": _added(report.get("dropped", {}), portion.dropped),
        "read_by": _added(report.get("read_by", {}), {portion.read_by: 1}),
        "notes": list(dict.fromkeys([*report.get("notes", []), *portion.notes])),
    }


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(before) + Counter(more))


def _require_pairs(upload: Upload) -> None:
    if upload.report.get("pairs", {}).get("found"):
        return
    raise InvalidInput(
        # Without the speaker's name: what is said here is kept as it is.
        "No complete exchange was found: what somebody says and what the speaker answers, of five words or more each.",
        resolution="Choose another speaker, or upload a longer conversation.",
        code=NO_PAIRS,
    )


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "No conversation was found in the text, and no model is at hand that could look for one.",
        resolution="Write each message on a line of its own that begins with who says it: Anna: See you at eight.",
        code="no_conversation",
    )
