from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from apps.abtests.enums import ABTestStatus, ModelType
from apps.abtests.models import ABTest, Observation, Variant
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, InvalidInput
from apps.custom_models.enums import ModelStatus
from apps.custom_models.models import CustomModel
from apps.organizations.actors import must_belong
from apps.personas.models import Persona

DURATION_DAYS = 7  # RT10


@dataclass(frozen=True)
class NewVariant:
    """An arm to create: a version, or the base model where `custom_model` is None; `weight` in percent."""

    name: str
    custom_model: CustomModel | None = None
    weight: int = 50


def check_variants(*, persona: Persona, variants: Sequence[NewVariant | Variant]) -> None:
    """InvalidInput unless the weights add up to 100 and the models are different ready versions of the persona."""
    _check_weights(variants)
    _check_models(persona=persona, variants=variants)


def _check_weights(variants: Sequence[NewVariant | Variant]) -> None:
    total = sum(variant.weight for variant in variants)
    if len(variants) < 2 or total != 100 or any(variant.weight < 1 for variant in variants):
        raise InvalidInput(
            f"A test divides 100 % of the traffic among two variants or more; these {len(variants)} have {total} %.",
            resolution="Give the variants weights that add up to 100, e.g. 50 and 50.",
            param="variants",
        )


def _check_models(*, persona: Persona, variants: Sequence[NewVariant | Variant]) -> None:
    for variant in variants:
        model = variant.custom_model
        if model is not None and (model.persona_id != persona.pk or model.status != ModelStatus.READY):
            raise InvalidInput(
                f"The model of variant {variant.name!r} is not a ready version of {persona}.",
                resolution="Choose versions of this persona that are ready.",
                param="variants",
            )
    if len({variant.custom_model for variant in variants}) != len(variants):
        raise InvalidInput("Two variants are the same model.", resolution="Compare different ones.", param="variants")


@transaction.atomic
def create_abtest(
    *, persona: Persona, name: str, variants: Sequence[NewVariant], by: Actor, duration_days: int = DURATION_DAYS
) -> ABTest:
    """A draft; InvalidInput as `check_variants` says."""
    check_variants(persona=persona, variants=variants)
    abtest = ABTest.objects.create(
        organization=persona.organization, persona=persona, name=name, duration_days=duration_days
    )
    Variant.objects.bulk_create(
        Variant(abtest=abtest, name=new.name, custom_model=new.custom_model, weight=new.weight) for new in variants
    )
    audit.record("created", by=by, target=abtest, variants=[new.name for new in variants])
    return abtest


def start_abtest(*, abtest: ABTest, by: Actor, now: datetime) -> ABTest:
    """Start a draft. Conflict if it is not a draft any more, or if another test of the persona runs.

    InvalidInput as `check_variants` says: a version may have been retired since the draft; and as `must_belong` says.
    """
    must_belong(by=by, organization=abtest.organization, what="test")
    variants = list(abtest.variants.select_related("custom_model"))
    check_variants(persona=abtest.persona, variants=variants)
    try:
        with transaction.atomic():
            started = ABTest.objects.filter(pk=abtest.pk, status=ABTestStatus.DRAFT).update(
                status=ABTestStatus.RUNNING, started_at=now, started_by=by.audit_name, updated_at=now
            )
            if started:
                audit.record("started", by=by, target=abtest, days=abtest.duration_days)
    except IntegrityError:  # one_running_test_per_persona
        raise Conflict(
            f"Another test of {abtest.persona} is running.", resolution="Stop it first, or wait for its end."
        ) from None
    if not started:
        raise Conflict("This test was started before.", resolution="Create a new test to compare again.")
    abtest.refresh_from_db()
    return abtest


@transaction.atomic
def _end_abtest(*, abtest: ABTest, status: ABTestStatus, by: Actor, now: datetime) -> bool:
    """The one door out of running; False if it was not running any more."""
    ended = ABTest.objects.filter(pk=abtest.pk, status=ABTestStatus.RUNNING).update(
        status=status, ended_at=now, updated_at=now
    )
    if ended:
        audit.record(status, by=by, target=abtest)
    return bool(ended)


def stop_abtest(*, abtest: ABTest, by: Actor, now: datetime) -> ABTest:
    """End a running test before its time; its units see the live version again. Conflict if it does not run."""
    must_belong(by=by, organization=abtest.organization, what="test")
    if not _end_abtest(abtest=abtest, status=ABTestStatus.STOPPED, by=by, now=now):
        raise Conflict("This test is not running.", resolution="Only a running test can be stopped.")
    abtest.refresh_from_db()
    return abtest


def complete_due_abtests(*, by: Actor, now: datetime) -> int:
    """End the tests whose days are over; how many this call ended."""
    running = ABTest.objects.filter(status=ABTestStatus.RUNNING, started_at__isnull=False)
    due = [test for test in running if test.started_at and test.started_at + timedelta(days=test.duration_days) <= now]
    return sum(_end_abtest(abtest=test, status=ABTestStatus.COMPLETED, by=by, now=now) for test in due)


def record_observation(
    *, variant: Variant, unit: str, response_id: str, model_type: ModelType, response_time_ms: float | None
) -> bool:
    """Note one answer to a unit of a test; False if this answer was noted before.

    Every answer counts, a fallback too (`model_type` says who really answered): dropping the failures of an arm
    would flatter it.
    """
    _, created = Observation.objects.get_or_create(
        response_id=response_id,
        defaults={
            "organization_id": variant.abtest.organization_id,
            "variant": variant,
            "unit": unit,
            "model_type": model_type,
            "response_time_ms": response_time_ms,
        },
    )
    return created


def note_verdict(*, response_id: str, approved: bool, quality_score: float | None, now: datetime) -> None:
    """Put what somebody thought of an answer on its observation, if it has one; the last verdict stays."""
    Observation.objects.filter(response_id=response_id).update(
        user_approval=approved, quality_score=quality_score, updated_at=now
    )
