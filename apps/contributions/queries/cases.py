"""What waits for staff: examples on which testers disagree, and those that somebody reported."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, Skip, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.reports import has_open_report
from apps.contributions.queries.wording import Change, diff_texts, payload_text
from apps.organizations.models import User
from apps.personas.queries import facts_of, task_of

REPORTABLE = (ExampleStatus.AWAITING_LABELS, ExampleStatus.DISPUTED, ExampleStatus.ACCEPTED)


@dataclass(frozen=True)
class Option:
    """One of the different labels that were given, with who gave it."""

    labels: list[Label]  # equal ones, the oldest first
    words: str  # in short, as the testers read it
    text: str  # in full
    changes: list[Change]  # of the model's answer; empty where labels are chosen

    @property
    def payload(self) -> dict[str, Any]:
        return self.labels[0].payload or {}


@dataclass(frozen=True)
class Case:
    """One example as staff decide about it."""

    options: list[Option]  # what most testers said first
    labels: list[Label]  # the oldest first
    skips: list[Skip]  # reports among them
    open_reports: int

    def chosen(self, payload_hash: str) -> dict[str, Any] | None:
        """The payload of the option of that hash; None if nobody gave such a label."""
        return next((one.payload for one in self.options if one.labels[0].payload_hash == payload_hash), None)


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
    """Two statements, whatever the number of labels."""
    labels = list(
        Label.objects.filter(example=example, withdrawn_at=None).select_related("tester").order_by("created_at", "pk")
    )
    skips = list(Skip.objects.filter(example=example).select_related("tester").order_by("created_at", "pk"))
    return Case(
        options=_options(example, labels),
        labels=labels,
        skips=skips,
        open_reports=sum(skip.is_report and skip.resolved_at is None for skip in skips),
    )


def _options(example: TrainingExample, labels: list[Label]) -> list[Option]:
    equal: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        equal[label.payload_hash].append(label)
    return [_option(example, group) for group in sorted(equal.values(), key=len, reverse=True)]


def _option(example: TrainingExample, labels: list[Label]) -> Option:
    task, facts = task_of(example.persona), facts_of(example.persona)
    shown = task.label_of_output(example.output, facts) if example.output and task.labels_are_written else None
    payload = labels[0].payload or {}
    text = payload_text(payload)
    changes = diff_texts(payload_text(shown), text) if shown else []
    return Option(labels=labels, words=task.label_text(payload, facts), text=text, changes=changes)
