"""What waits for staff: examples on which testers disagree, and those that somebody reported."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q

from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, Skip, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.reports import has_open_report
from apps.contributions.queries.wording import Change, diff_texts, payload_text
from apps.organizations.models import User
from apps.personas.queries import facts_of, task_of

REPORTABLE = (ExampleStatus.AWAITING_LABELS, ExampleStatus.DISPUTED, ExampleStatus.ACCEPTED)


@dataclass(frozen=True)
class GivenLabel:
    label: Label
    words: str  # in short, as the testers read it
    text: str  # in full
    equal: int  # how many of the labels say the same, this one among them
    changes: list[Change]  # of the model's answer; empty where labels are chosen


@dataclass(frozen=True)
class Case:
    """One example as staff decide about it."""

    labels: list[GivenLabel]  # the oldest first
    skips: list[Skip]  # reports among them
    open_reports: int

    @property
    def largest(self) -> int:
        """Of how many testers the largest group that agrees is."""
        return max((given.equal for given in self.labels), default=0)


@dataclass(frozen=True)
class WaitingCases:
    disputed: int
    reported: int


def cases_for(*, user: User) -> TrainingExampleQuerySet:
    """The oldest first, of the organizations in which the user may decide."""
    own = TrainingExample.objects.writable_by(user)
    reported = Q(status__in=REPORTABLE) & Q(has_open_report())
    return own.filter(Q(status=ExampleStatus.DISPUTED) | reported).order_by("pk")


def next_case(*, user: User, after: int = 0) -> TrainingExample | None:
    """The first that was not looked at yet; from the beginning again once `after` was the last."""
    return cases_for(user=user).filter(pk__gt=after).first() or cases_for(user=user).first()


def count_cases(*, user: User) -> WaitingCases:
    cases = cases_for(user=user).order_by()
    return WaitingCases(
        disputed=cases.filter(status=ExampleStatus.DISPUTED).count(),
        reported=cases.filter(has_open_report()).count(),
    )


def describe_case(*, example: TrainingExample) -> Case:
    labels = list(
        Label.objects.filter(example=example, withdrawn_at=None).select_related("tester").order_by("created_at", "pk")
    )
    skips = list(Skip.objects.filter(example=example).select_related("tester").order_by("created_at", "pk"))
    counts = Counter(label.payload_hash for label in labels)
    return Case(
        labels=[_given(example, label, counts[label.payload_hash]) for label in labels],
        skips=skips,
        open_reports=sum(skip.is_report and skip.resolved_at is None for skip in skips),
    )


def _given(example: TrainingExample, label: Label, equal: int) -> GivenLabel:
    task, facts = task_of(example.persona), facts_of(example.persona)
    shown = task.label_of_output(example.output, facts) if example.output and task.labels_are_written else None
    text = payload_text(label.payload)
    return GivenLabel(
        label=label,
        words=task.label_text(label.payload or {}, facts),
        text=text,
        equal=equal,
        changes=diff_texts(payload_text(shown), text) if shown else [],
    )
