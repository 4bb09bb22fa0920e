"""Groups of examples that are nearly the same, as people look at them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Window
from django.db.models.functions import RowNumber

from apps.contributions.enums import ExampleStatus
from apps.contributions.models import TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.wording import Change, diff_texts
from apps.personas.models import Persona
from apps.personas.queries import task_of

SHOWN_GROUPS = 20  # on a page
SHOWN_MEMBERS = 10  # of a group


@dataclass(frozen=True)
class NearDuplicate:
    example: TrainingExample
    changes: list[Change]  # from the oldest one's text to its own


@dataclass(frozen=True)
class DuplicateGroup:
    root: TrainingExample
    text: str
    members: list[NearDuplicate]  # the oldest SHOWN_MEMBERS
    count: int  # of all members, the root not counted


def comparable(persona: Persona) -> TrainingExampleQuerySet:
    """What is compared: neither withdrawn, which has no text any more, nor rejected, which nothing learns from."""
    return TrainingExample.objects.filter(persona=persona, input__isnull=False).exclude(
        status__in=[ExampleStatus.WITHDRAWN, ExampleStatus.REJECTED]
    )


def count_groups(*, persona: Persona) -> int:
    return _members(persona).aggregate(count=Count("near_duplicate_of", distinct=True))["count"] or 0


def duplicate_groups(*, persona: Persona, page: int = 1) -> list[DuplicateGroup]:
    """The groups of one page, those with the newest roots first; three statements for any number of them."""
    start = (page - 1) * SHOWN_GROUPS
    counted = _members(persona).order_by("-near_duplicate_of").values_list("near_duplicate_of")
    counts = dict(counted.annotate(count=Count("pk"))[start : start + SHOWN_GROUPS])
    roots = TrainingExample.objects.in_bulk(list(counts))
    place = Window(RowNumber(), partition_by="near_duplicate_of", order_by="pk")
    oldest = _members(persona).filter(near_duplicate_of__in=counts).annotate(place=place)
    members = list(oldest.filter(place__lte=SHOWN_MEMBERS).order_by("pk"))
    return [_group(persona, roots[root], members, count) for root, count in counts.items()]


def _members(persona: Persona) -> TrainingExampleQuerySet:
    return comparable(persona).filter(near_duplicate_of__isnull=False)


def _group(persona: Persona, root: TrainingExample, members: Sequence[TrainingExample], count: int) -> DuplicateGroup:
    task = task_of(persona)
    text = task.user_message(root.input) if root.input else ""
    own = [member for member in members if member.near_duplicate_of_id == root.pk]
    shown = [NearDuplicate(member, diff_texts(text, task.user_message(member.input))) for member in own]
    return DuplicateGroup(root, text, shown, count)
