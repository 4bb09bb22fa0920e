"""Which accepted labels cannot stay without one tester: nobody else agrees, or nobody else said it in these words."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from apps.common.batches import in_batches
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Label, Tester, TrainingExample, TrainingExampleQuerySet
from apps.contributions.queries.chunks import CHUNK
from apps.contributions.queries.own_data import own_questions
from apps.organizations.models import OrganizationQuerySet


def resting_on(tester: Tester) -> TrainingExampleQuerySet:
    """Accepted examples whose label is this tester's and no other tester's, whoever decided for it; but not theirs."""
    others = _agreeing().filter(example=OuterRef("pk")).exclude(tester=tester)
    return _agreed_by(tester).filter(~Exists(others))


def worded_by(tester: Tester) -> set[int]:
    """Ids of accepted examples, but not theirs, whose label is in words that are this tester's and no other tester's.

    A task compares only a part of what people say: the others who agree said the rest differently.
    """
    own = _agreeing().filter(tester=tester, example__in=_agreed_by(tester).values("pk"))
    said = own.order_by("pk").values_list("example_id", "payload", "example__accepted_label")
    worded: set[int] = set()
    for batch in in_batches(said.iterator(chunk_size=CHUNK), CHUNK):
        accepted = {example: label for example, payload, label in batch if payload == label}
        worded.update(accepted.keys() - set(_said_too(accepted, tester)))
    return worded


def _said_too(accepted: Mapping[int, Any], tester: Tester) -> Iterator[int]:
    """Those of the examples whose accepted label another tester gave word for word."""
    others = _agreeing().filter(example__in=list(accepted)).exclude(tester=tester)
    for example, payload in others.values_list("example_id", "payload"):
        if payload == accepted[example]:
            yield example


def _agreed_by(tester: Tester) -> TrainingExampleQuerySet:
    agreeing = Label.objects.filter(agrees=True, tester=tester, example=OuterRef("pk"))
    accepted = TrainingExample.objects.filter(Exists(agreeing), status=ExampleStatus.ACCEPTED)
    return accepted.exclude(pk__in=own_questions(tester).values("pk"))


def _agreeing() -> OrganizationQuerySet[Label]:
    return Label.objects.filter(agrees=True, withdrawn_at=None)
