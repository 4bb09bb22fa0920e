"""How good examples are, by what is stored about them: the one way in which points and scores are computed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import BooleanField, Count, ExpressionWrapper, Q

from apps.contributions.enums import ExampleSource, ExampleStatus
from apps.contributions.models import Label, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.chunks import CHUNK
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.tasks.quality import Quality, Signals

AGREEMENT = "agreement of testers"  # who accepted what testers agreed on
CAPTURED = (ExampleSource.RUN, ExampleSource.CHAT)  # a model answered these: no output means that it did not parse
LISTED = 20  # wrong ones that are named: a broken rule shows in a few rows as well as in a million
JUDGED_BY = (
    "persona_id", "source", "status", "accepted_by", "approvals", "rejections", "outcome", "edit_share",
    "conversation_continued", "quality_points", "quality_score",
)  # fmt: skip


@dataclass(frozen=True)
class Reaction:
    """What people made of a model's answer, by the last that was said about it (PB2)."""

    outcome: str = ""  # of ExampleOutcome
    approvals: int = 0
    rejections: int = 0
    edit_share: float | None = None  # the part of the answer that was changed, 0-1


def for_judging(examples: TrainingExampleQuerySet) -> TrainingExampleQuerySet:
    """Without their payloads, which may be long, and of which the fact suffices that a model answered."""
    has_answer = ExpressionWrapper(Q(output__isnull=False), output_field=BooleanField())
    return examples.only(*JUDGED_BY).annotate(has_answer=has_answer)


def captured_examples(*, response_ids: Collection[str]) -> TrainingExampleQuerySet:
    """What was kept of these answers, without its payloads, as far as it is still there. A correction is no answer."""
    kept = TrainingExample.objects.filter(response_id__in=response_ids).exclude(response_id="")
    return (
        kept.exclude(source=ExampleSource.CORRECTION)
        .exclude(status=ExampleStatus.WITHDRAWN)
        .only("persona_id", "response_id", "outcome", "approvals", "rejections", "edit_share")
    )


def judge_examples(
    *, persona: Persona, examples: Sequence[TrainingExample]
) -> Iterator[tuple[TrainingExample, Quality]]:
    """Each with what its task says of it. They are new, or loaded by `for_judging`.

    Two statements for any number of them: one if testers agreed on some, one if people judged an answer of some.
    """
    votes = _votes(examples)
    as_answered = _accepted_as_answered(persona, examples)
    for example in examples:
        yield example, task_of(persona).quality(_signals(example, votes=votes, as_answered=as_answered))


def _signals(example: TrainingExample, *, votes: Mapping[int, tuple[int, int]], as_answered: set[int]) -> Signals:
    agreeing, labels = votes.get(example.pk, (0, 0))
    answered = _has_answer(example)
    return Signals(
        agreeing=agreeing,
        labels=labels,
        decided_by_staff=example.accepted_by not in ("", AGREEMENT),
        answer_is_valid=answered if answered or example.source in CAPTURED else None,
        answer_is_accepted=example.pk in as_answered,
        approvals=example.approvals,
        rejections=example.rejections,
        outcome=example.outcome,
        edit_share=example.edit_share,
        conversation_continued=example.conversation_continued,
    )


def _has_answer(example: TrainingExample) -> bool:
    known: bool | None = example.__dict__.get("has_answer")
    return example.output is not None if known is None else known


def _votes(examples: Sequence[TrainingExample]) -> dict[int, tuple[int, int]]:
    """How many labels agree, of how many that were compared, for each example that testers agreed on."""
    agreed = [example.pk for example in examples if example.accepted_by == AGREEMENT]
    if not agreed:
        return {}
    counted = Label.objects.filter(example__in=agreed).order_by().values_list("example_id")
    rows = counted.annotate(agreeing=Count("pk", filter=Q(agrees=True)), labels=Count("agrees"))
    return {example: (agreeing, labels) for example, agreeing, labels in rows}


def _accepted_as_answered(persona: Persona, examples: Sequence[TrainingExample]) -> set[int]:
    """Those whose accepted label is what the model had answered; looked at only where verdicts would count."""
    judged = [
        example.pk
        for example in examples
        if example.accepted_by == AGREEMENT and (example.approvals or example.rejections) and _has_answer(example)
    ]
    if not judged:
        return set()
    task, facts = task_of(persona), facts_of(persona)
    rows = TrainingExample.objects.filter(pk__in=judged).values_list("pk", "output", "accepted_label")
    return {pk for pk, output, label in rows if output and task.label_of_output(output, facts) == label}


def quality_of(*, example: TrainingExample) -> Quality:
    """Of a stored example, with the reasons."""
    ((_, quality),) = judge_examples(persona=example.persona, examples=[example])
    return quality


def wrongly_rated(*, persona: Persona) -> Iterator[tuple[TrainingExample, Quality]]:
    """Examples whose stored points or score are not what they should be. Never withdrawn ones: what they were rated
    by is gone."""
    for batch in _batches(for_judging(TrainingExample.objects.filter(persona=persona))):
        for example, quality in judge_examples(persona=persona, examples=batch):
            if (example.quality_points, example.quality_score) != (quality.points, quality.score):
                yield example, quality


def _batches(examples: TrainingExampleQuerySet) -> Iterator[list[TrainingExample]]:
    """Each is a statement of its own, so that whoever reads them may change them meanwhile."""
    rateable = examples.exclude(status=ExampleStatus.WITHDRAWN).order_by("pk")
    batch = list(rateable[:CHUNK])
    while batch:
        yield batch
        batch = list(rateable.filter(pk__gt=batch[-1].pk)[:CHUNK])


def find_quality_drift() -> list[str]:
    """The first examples whose stored points or score are wrong, one sentence each; for `check_invariants`."""
    wrong = (found for persona in Persona.objects.order_by("pk") for found in wrongly_rated(persona=persona))
    return [
        f"Example {example.pk} has {example.quality_points} points and the score {example.quality_score}; "
        f"{quality.points} and {quality.score} are right: `manage.py recompute_quality` repairs it."
        for example, quality in islice(wrong, LISTED)
    ]
