"""Somebody takes back what they said: out of every queue and build at once, and answered with who holds it."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput, NotAllowed
from apps.contributions.enums import ExampleStatus, TesterStatus, WithdrawalScope
from apps.contributions.models import (
    GoldAnswer,
    Label,
    Skip,
    Tester,
    TrainingExample,
    TrainingExampleQuerySet,
    Withdrawal,
)
from apps.contributions.queries import chunked
from apps.contributions.queries.own_data import own_questions
from apps.contributions.services.decisions import ask_for_more_labels, take_out
from apps.contributions.services.withdrawals.asking_again import ask_again
from apps.contributions.services.withdrawals.erasers import erasers
from apps.contributions.services.withdrawals.resting import resting_on, worded_by
from apps.organizations.actors import must_belong
from apps.organizations.enums import Role
from apps.organizations.models import Membership, Organization, User
from apps.personas.models import Persona

ERASE_JOB = "apps.contributions.jobs.erase_withdrawal_job"


@transaction.atomic
def withdraw_tester(*, tester: Tester, by: Actor, now: datetime, reason: str = "") -> Withdrawal:
    """A tester takes back everything they said. Their labels, answers and notes are empty when this returns.

    An example whose accepted label rests on them alone, or is in words that are theirs alone, is taken out, and its
    question asked again as a new example, unless it was their own. What they were credited and paid stays.
    Conflict if they did so before.
    """
    if by != tester.user:
        must_belong(by=by, organization=tester.organization, what="tester")
    hold(tester)
    known = Tester.objects.filter(pk=tester.pk).exclude(status=TesterStatus.WITHDRAWN)
    if not known.update(status=TesterStatus.WITHDRAWN, payout_details=None, updated_at=now):
        raise Conflict(
            f"{tester} has taken everything back already.",
            resolution="The page of that withdrawal says how far it is.",
            code="already_withdrawn",
        )
    _hold_personas(Persona.objects.filter(Q(examples__labels__tester=tester) | Q(examples__in=own_questions(tester))))
    withdrawal = _open(tester.organization, WithdrawalScope.TESTER, by=by, reason=reason, tester=tester)
    take_out(examples=resting_on(tester), withdrawal=withdrawal, now=now)
    for chunk in chunked(worded_by(tester)):
        take_out(examples=TrainingExample.objects.filter(pk__in=chunk), withdrawal=withdrawal, now=now)
    ask_again(withdrawal=withdrawal, now=now)
    take_out(examples=own_questions(tester), withdrawal=withdrawal, now=now)
    labels = _take_back_words(tester, now)
    return _announce(withdrawal, labels=labels, by=by, now=now)


@transaction.atomic
def withdraw_examples(
    *, organization: Organization, example_ids: Collection[int], by: Actor, now: datetime, reason: str = ""
) -> Withdrawal:
    """Chosen examples are taken back, whoever labelled them, and what came after them in the same conversation: it
    holds their words as its history. Conflict if all of them were before; NotFound for another organization's.
    """
    must_belong(by=by, organization=organization, what="example")
    chosen = TrainingExample.objects.of_organization(organization).filter(pk__in=example_ids, withdrawal=None)
    wanted = list(chosen.values_list("pk", flat=True)) + _said_afterwards(chosen)
    if not wanted:
        raise Conflict(
            "These examples were taken back already.",
            resolution="There is nothing left to do.",
            code="already_withdrawn",
        )
    examples = TrainingExample.objects.filter(pk__in=wanted)
    _hold_personas(Persona.objects.filter(examples__in=examples))
    withdrawal = _open(organization, WithdrawalScope.EXAMPLES, by=by, reason=reason)
    take_out(examples=examples, withdrawal=withdrawal, now=now)
    return _announce(withdrawal, labels=_labels_on(withdrawal), by=by, now=now)


@transaction.atomic
def withdraw_organization(
    *, organization: Organization, confirmation: str, by: Actor, now: datetime, reason: str = ""
) -> Withdrawal:
    """An organization takes everything back: examples, labels, uploads, answers, feedback. Its owner asks, and types
    its slug. NotAllowed, InvalidInput; Conflict while such a request is being worked on.
    """
    must_belong(by=by, organization=organization, what="organization")
    _must_own(by, organization)
    if confirmation != organization.slug:
        raise InvalidInput(
            "This is not the organization's short name.",
            resolution=f"Type {organization.slug} exactly.",
            param="confirmation",
        )
    hold(organization)
    own = Withdrawal.objects.of_organization(organization).filter(scope=WithdrawalScope.ORGANIZATION)
    if own.open().exists():
        raise Conflict(
            f"Everything of {organization} is being erased already.",
            resolution="The page of that withdrawal says how far it is.",
            code="already_requested",
        )
    _hold_personas(Persona.objects.of_organization(organization))
    withdrawal = _open(organization, WithdrawalScope.ORGANIZATION, by=by, reason=reason)
    take_out(examples=TrainingExample.objects.of_organization(organization), withdrawal=withdrawal, now=now)
    return _announce(withdrawal, labels=_labels_on(withdrawal), by=by, now=now)


def _must_own(by: Actor, organization: Organization) -> None:
    if isinstance(by, User) and not by.is_superuser:
        owners = Membership.objects.filter(organization=organization, user=by, role=Role.OWNER)
        if not owners.exists():
            raise NotAllowed(
                f"Only an owner of {organization} may have everything erased.", resolution="Ask one of its owners."
            )


def _hold_personas(personas: Any) -> None:
    """Nothing is decided about their examples meanwhile. Always in this order, so that nobody waits in a circle."""
    ids = set(personas.order_by().values_list("pk", flat=True))
    for persona in Persona.objects.filter(pk__in=ids).order_by("pk"):
        hold(persona)


def _open(organization: Organization, scope: WithdrawalScope, *, by: Actor, reason: str, **who: Any) -> Withdrawal:
    return Withdrawal.objects.create(
        organization=organization, scope=scope, requested_by=by.audit_name, reason=reason.strip()[:2000], **who
    )


def _said_afterwards(examples: TrainingExampleQuerySet) -> list[int]:
    first: dict[tuple[int, str], int] = {}
    for persona, reference, pk in examples.exclude(conversation_ref="").values_list(
        "persona", "conversation_ref", "pk"
    ):
        first[persona, reference] = min(pk, first.get((persona, reference), pk))
    found: list[int] = []
    for (persona, reference), pk in first.items():
        later = TrainingExample.objects.filter(persona=persona, conversation_ref=reference, pk__gt=pk, withdrawal=None)
        found += later.values_list("pk", flat=True)
    return found


def _take_back_words(tester: Tester, now: datetime) -> int:
    """Empty what the tester said; how many labels. That a label agreed stays: it is what they were paid for."""
    labels = Label.objects.filter(tester=tester, withdrawn_at=None)
    undecided = TrainingExample.objects.filter(labels__tester=tester, status=ExampleStatus.DISPUTED)
    ask_for_more_labels(examples=TrainingExample.objects.filter(pk__in=undecided.values("pk")), now=now)
    TrainingExample.objects.filter(leased_to=tester).update(leased_to=None, leased_until=None, updated_at=now)
    GoldAnswer.objects.filter(tester=tester).update(payload=None, updated_at=now)
    Skip.objects.filter(tester=tester).update(note="", updated_at=now)
    return labels.update(payload=None, payload_hash="", withdrawn_at=now, updated_at=now)


def _labels_on(withdrawal: Withdrawal) -> int:
    return Label.objects.filter(example__withdrawal=withdrawal, withdrawn_at=None).count()


def _announce(withdrawal: Withdrawal, *, labels: int, by: Actor, now: datetime) -> Withdrawal:
    """Write down what was found and who holds it, and hand the erasing to the worker."""
    found = [one for eraser in erasers() for one in eraser.mark(withdrawal=withdrawal, now=now)]
    withdrawal.examples_count = withdrawal.examples.count()
    withdrawal.labels_count = labels
    withdrawal.report = {"affected": [asdict(one) for one in found], "left": []}
    withdrawal.save(update_fields=["examples_count", "labels_count", "report", "updated_at"])
    audit.record(
        "withdrew", by=by, target=withdrawal, scope=withdrawal.scope, examples=withdrawal.examples_count, labels=labels
    )
    jobs.enqueue(ERASE_JOB, withdrawal.pk)
    return withdrawal
