from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from apps.common.batches import in_batches
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import TrainingExample, Withdrawal
from apps.contributions.services.quality import rate_new_examples
from apps.personas.models import Persona

BATCH = 500
# What a question brings along: everything but what was said about it.
QUESTION = (
    "organization_id", "persona_id", "kind", "source", "input", "output", "content_hash", "outcome", "edit_share",
    "approvals", "rejections", "conversation_continued", "metadata", "near_duplicate_of_id", "split_pin",
    "consent", "schema_version", "client_id", "response_id", "conversation_ref", "upload_id", "contributed_by",
)  # fmt: skip


def ask_again(*, withdrawal: Withdrawal, now: datetime) -> int:
    """Put the questions of a withdrawal to others: its examples lose their answer, not the organization its questions.

    The sender's id, the response and the upload lead to the new example from now on, so none of them is taken back
    with the old one. In the transaction that takes the examples out.
    """
    asked = 0
    questions = withdrawal.examples.order_by("pk").iterator(chunk_size=BATCH)
    for batch in in_batches(questions, BATCH):
        anew = [_question_of(example) for example in batch]
        old = TrainingExample.objects.filter(pk__in=[example.pk for example in batch])
        old.update(client_id="", response_id="", upload=None, updated_at=now)
        _rate(anew)
        asked += len(TrainingExample.objects.bulk_create(anew))
    return asked


def _rate(examples: Sequence[TrainingExample]) -> None:
    """The answer in an example, and what people made of it, is all that is left to rate it by."""
    by_persona = defaultdict(list)
    for example in examples:
        by_persona[example.persona_id].append(example)
    for pk, persona in Persona.objects.in_bulk(list(by_persona)).items():
        rate_new_examples(persona=persona, examples=by_persona[pk])


def _question_of(example: TrainingExample) -> TrainingExample:
    brought = {name: getattr(example, name) for name in QUESTION}
    return TrainingExample(status=ExampleStatus.AWAITING_LABELS, **brought)
