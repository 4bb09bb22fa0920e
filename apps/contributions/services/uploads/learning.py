"""The last stages: which pairs to show before a conversation (AV2), how the speaker speaks, a prompt of it (AV1)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db import transaction

from apps.common.errors import FlywheelError
from apps.contributions.enums import UploadStatus
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.queries.materials import anonymise_words, material_of, without_replacements
from apps.contributions.services.uploads.asking import (
    DESCRIBE_STYLE,
    FoundStyle,
    Model,
    is_for_good,
    model_of,
    plain_line,
)
from apps.contributions.services.uploads.pairing import Uploader
from apps.contributions.services.uploads.turns import Turn
from apps.personas.queries import (
    Pair,
    active_prompt,
    analyse_style,
    choose_diverse,
    default_prompt,
    describe_style,
    diversity_of,
)
from apps.personas.services import add_prompt_version, propose_few_shot_examples

CONSIDERED = 1_000  # pairs that few-shot examples are chosen among, from all over the file
SHOWN_TO_MODEL = 12_000  # characters of messages
LONGEST = 1_000  # characters of a message that it is shown
HEADING = "How you speak:"  # what begins a prompt's paragraph about it, and by which it is found again


def origin_of(upload: Upload) -> str:
    return f"upload {upload.pk}"


def choose_few_shots(turn: Turn) -> None:
    """Propose the pairs that show most, switched off; what was proposed before from here is replaced."""
    upload = turn.upload
    chosen = choose_diverse(_pairs_of(upload))
    with transaction.atomic():
        proposed = propose_few_shot_examples(
            persona=upload.persona, pairs=chosen, origin=origin_of(upload), by=Uploader(upload.uploaded_by)
        )
        few_shots = {"proposed": proposed, "diversity": diversity_of(chosen)}
        turn.advance(UploadStatus.ANALYSING, report={**upload.report, "few_shots": few_shots})


def _pairs_of(upload: Upload) -> list[Pair]:
    """Of those that came of the upload; what the persona had before is not proposed again."""
    own = TrainingExample.objects.accepted().filter(upload=upload, input__isnull=False)
    ids = list(own.order_by("pk").values_list("pk", flat=True))
    step = max(1, -(-len(ids) // CONSIDERED))
    chosen = TrainingExample.objects.filter(pk__in=ids[::step]).order_by("pk")
    return [Pair(one.input["message"], one.accepted_label["text"]) for one in chosen]


def learn_style(turn: Turn) -> None:
    """Describe how the speaker speaks, and write a prompt of it that answers nothing until somebody activates it."""
    upload = turn.upload
    messages, others = _messages_of(upload)
    analysis = _analyse(turn, messages, others)
    by = Uploader(upload.uploaded_by)
    with transaction.atomic():
        prompt = add_prompt_version(
            persona=upload.persona,
            system_prompt=_with_style(upload, analysis["sentences"]),
            notes=f"How the speaker of {origin_of(upload)} speaks, by {len(messages):,} of their messages.",
            origin=origin_of(upload),
            by=by,
        )
        turn.end(UploadStatus.DONE, analysis=analysis, prompt_version_id=prompt.pk)


def _messages_of(upload: Upload) -> tuple[list[str], list[str]]:
    """What the speaker and the others said, without what was put in the place of personal data: nobody favours it."""
    material = material_of(upload=upload)
    said, others = list(material.said_by_speaker()), list(material.said_by_others())
    if not said:
        pairs = _pairs_of(upload)
        said, others = [one.assistant_message for one in pairs], [one.user_message for one in pairs]
    return [without_replacements(one) for one in said], [without_replacements(one) for one in others]


def _analyse(turn: Turn, messages: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """What is counted, and before it in the prompt what a model says, where one is at hand."""
    style = analyse_style(messages, others=others)
    counted = describe_style(style)
    analysis: dict[str, Any] = {"style": asdict(style), "sentences": counted, "described_by": "rules"}
    model = model_of(turn.upload)
    if model is None:
        return analysis
    try:
        found = _ask_for_style(turn.upload, model, messages)
    except FlywheelError as error:
        if not is_for_good(error) and not turn.is_last_start:
            raise
        return analysis | {"note": f"The model did not describe the style: {error.message}"}
    return analysis | {"described_by": "model", "model": found, "sentences": _sentences(found, counted)}


def _ask_for_style(upload: Upload, model: Model, messages: Sequence[str]) -> dict[str, list[str]]:
    found = model.ask_json(FoundStyle, instructions=DESCRIBE_STYLE, material=_sample(messages))
    return {
        name: anonymise_words(organization=upload.organization, words=[w for w in map(plain_line, words) if w])
        for name, words in found.model_dump().items()
    }


def _sample(messages: Sequence[str]) -> str:
    """Messages from all over the file, as many as one question holds."""
    short = [plain_line(message)[:LONGEST] for message in messages if message.strip()]
    step = max(1, -(-sum(map(len, short)) // SHOWN_TO_MODEL))
    return "\n".join(f"- {message}" for message in short[::step])[: 2 * SHOWN_TO_MODEL]


def _sentences(found: dict[str, list[str]], counted: Sequence[str]) -> list[str]:
    vocabulary = [f"Words and phrases of yours: {', '.join(found['vocabulary'])}."] if found["vocabulary"] else []
    return [*found["traits"], *found["patterns"], *vocabulary, *counted]


def _with_style(upload: Upload, sentences: Sequence[str]) -> str:
    """The active prompt with a paragraph about it; the paragraph of an earlier upload makes room."""
    active = active_prompt(upload.persona)
    prompt = active.system_prompt if active else default_prompt(upload.persona)
    kept = [part for part in prompt.split("\n\n") if not part.startswith(HEADING)]
    return "\n\n".join([*kept, "\n".join([HEADING, *(f"- {sentence}" for sentence in sentences)])])
