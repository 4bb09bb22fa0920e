"""What is stored about a tester: shown to them in plain words, and handed to them as JSON (AV13).

Each app that keeps something about testers registers a `DataExport` among its queries: contributions knows none of
them. The questions are the organization's: a label names its example and holds what the tester said and nobody else.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.utils.module_loading import autodiscover_modules

from apps.common.errors import NotFound
from apps.common.registry import Registry
from apps.contributions.models import (
    Contribution,
    GoldAnswer,
    Label,
    Skip,
    Tester,
    TrainingExample,
    TrainingExampleQuerySet,
    Withdrawal,
)
from apps.organizations.models import Membership, User

BATCH = 500
Row = dict[str, Any]


@dataclass(frozen=True)
class DataExport:
    """One list in a tester's export: what it holds, for people, and its rows."""

    name: str  # its key in the file
    title: str
    find: Callable[[Tester], QuerySet[Any]]
    as_row: Callable[[Any], Row]

    def rows(self, tester: Tester) -> Iterator[Row]:
        return map(self.as_row, self.find(tester).order_by("pk").iterator(chunk_size=BATCH))


DATA_EXPORTS: Registry[DataExport] = Registry("data export")


def data_exports() -> Registry[DataExport]:
    autodiscover_modules("queries")
    return DATA_EXPORTS


def own_records(*, user: User) -> list[Tester]:
    """The user as tester of every organization, those that they left included."""
    return list(Tester.objects.filter(user=user).select_related("organization", "user").order_by("pk"))


def get_own_record(*, user: User, organization_slug: str) -> Tester:
    """NotFound if the user was never a tester there, which is all that strangers learn."""
    for tester in own_records(user=user):
        if tester.organization.slug == organization_slug:
            return tester
    raise NotFound("You are not a tester there.", resolution="Check the address.")


def last_withdrawal(*, tester: Tester) -> Withdrawal | None:
    return Withdrawal.objects.filter(tester=tester).order_by("-pk").first()


def count_own_data(*, tester: Tester) -> list[tuple[str, int]]:
    """(what, how many) for each list of the export."""
    return [(part.title, part.find(tester).count()) for part in data_exports()]


def export_own_data(*, tester: Tester, now: datetime) -> Iterator[str]:
    """A JSON object in pieces: the profile, then one list after the other, never more than a batch in memory."""
    yield _json({"made_at": now, "profile": _profile(tester)})[:-1]
    for part in data_exports():
        yield f",\n{_json(part.name)}: ["
        for place, row in enumerate(part.rows(tester)):
            yield f"{',' if place else ''}\n{_json(row)}"
        yield "]"
    yield "}\n"


def own_questions(tester: Tester) -> TrainingExampleQuerySet:
    """What the tester brought in for themselves. What a member brings in is the organization's."""
    own = TrainingExample.objects.filter(organization=tester.organization_id, contributed_by=tester.user.audit_name)
    is_member = Membership.objects.filter(organization=tester.organization_id, user=tester.user_id).exists()
    return own.none() if is_member else own


def _profile(tester: Tester) -> Row:
    return {
        "organization": tester.organization.name,
        "name": tester.display_name,
        "email": tester.user.email,
        "account_name": tester.user.name,
        "status": tester.status,
        "tester_since": tester.created_at,
        "consented_at": tester.consented_at,
        "consent_wording": tester.consent_wording,
        "payout_details": tester.payout_details,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def _label(label: Label) -> Row:
    return {
        "example": label.example_id,
        "label": label.payload,
        "rating": label.rating,
        "seconds_spent": label.seconds_spent,
        "agrees_with_the_accepted_label": label.agrees,
        "labelled_at": label.created_at,
        "changed_at": label.updated_at,
        "taken_back_at": label.withdrawn_at,
    }


def _gold(answer: GoldAnswer) -> Row:
    return {
        "example": answer.example_id,
        "answer": answer.payload,
        "score": answer.score,
        "seconds_spent": answer.seconds_spent,
        "answered_at": answer.created_at,
    }


def _skip(skip: Skip) -> Row:
    return {
        "example": skip.example_id,
        "reason": skip.reason,
        "note": skip.note,
        "reported": skip.is_report,
        "skipped_at": skip.created_at,
    }


def _question(example: TrainingExample) -> Row:
    return {"example": example.pk, "question": example.input, "status": example.status, "sent_at": example.created_at}


def _contribution(total: Contribution) -> Row:
    return {
        "persona": total.persona.name,
        "training_tests_completed": total.training_tests_completed,
        "contribution_weight": total.contribution_weight,
        "earned_micros": total.earned_micros,
        "currency": total.currency,
    }


def _withdrawal(withdrawal: Withdrawal) -> Row:
    return {
        "asked_at": withdrawal.created_at,
        "reason": withdrawal.reason,
        "status": withdrawal.status,
        "labels": withdrawal.labels_count,
        "examples": withdrawal.examples_count,
        "held_by": [one["name"] for one in withdrawal.report.get("affected", [])],
    }


for _part in (
    DataExport("labels", "Labels you gave", lambda tester: Label.objects.filter(tester=tester), _label),
    DataExport(
        "gold_answers",
        "Answers to items whose right answer was known",
        lambda tester: GoldAnswer.objects.filter(tester=tester),
        _gold,
    ),
    DataExport("skips", "Items you skipped or reported", lambda tester: Skip.objects.filter(tester=tester), _skip),
    DataExport("questions", "Questions you brought in yourself", own_questions, _question),
    DataExport(
        "contributions",
        "Totals of what you taught",
        lambda tester: Contribution.objects.filter(tester=tester).select_related("persona"),
        _contribution,
    ),
    DataExport(
        "withdrawals",
        "Requests to delete your data",
        lambda tester: Withdrawal.objects.filter(tester=tester),
        _withdrawal,
    ),
):
    DATA_EXPORTS.register(_part)
