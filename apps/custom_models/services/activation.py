from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict
from apps.custom_models.enums import ModelStatus
from apps.custom_models.models import Activation, CustomModel
from apps.organizations.actors import must_belong
from apps.personas.models import Persona
from apps.providers.queries import is_shut_down

ACTIVATED = "Custom model activated!"  # SC5
DEACTIVATED = "Reverted to generic model"  # SC5


@transaction.atomic
def activate_model(*, model: CustomModel, by: Actor, now: datetime, reason: str = "") -> Activation:
    """Make a version answer for its persona, in place of the one that did; the base model stays the fallback.

    NotFound: it belongs to another organization. Conflict: retired, deleted, shut down, or live already.
    """
    must_belong(by=by, organization=model.organization, what="model")
    hold(model.persona)  # one change of what is live at a time
    model = CustomModel.objects.select_related("persona", "base_model", "organization").get(pk=model.pk)
    _check_usable(model, now)
    before = _end_activation(model.persona, by=by, now=now, reason=f"Replaced by version {model.number}")
    if not CustomModel.objects.filter(pk=model.pk, status=ModelStatus.READY).update(
        is_active=True, deployed_at=now, updated_at=now
    ):
        raise _unusable(model, "is not ready")
    activation = Activation.objects.create(
        organization=model.organization,
        persona=model.persona,
        custom_model=model,
        activated_at=now,
        activated_by=by.audit_name,
        activated_reason=reason,
    )
    audit.record("activated", by=by, target=model, version=model.number, replaced=before, reason=reason)
    return activation


@transaction.atomic
def deactivate_model(
    *, persona: Persona, by: Actor, now: datetime, reason: str = "", model: CustomModel | None = None
) -> Activation:
    """Take the persona's live version back; its base model answers again.

    Conflict if no version is live; or, when `model` is named, if it is not that one.
    """
    must_belong(by=by, organization=persona.organization, what="persona")
    hold(persona)
    live = persona.custom_models.filter(is_active=True).first()
    if live is None or (model is not None and live.pk != model.pk):
        raise Conflict(
            f"{model} is not active." if model else f"{persona} has no active custom model.",
            resolution=f"Nothing needs to be done: {live or persona.base_model} answers.",
            code="not_active",
        )
    number = _end_activation(persona, by=by, now=now, reason=reason)
    audit.record("deactivated", by=by, target=persona, version=number, reason=reason)
    return Activation.objects.filter(persona=persona).select_related("custom_model").latest("deactivated_at", "pk")


def _end_activation(persona: Persona, *, by: Actor, now: datetime, reason: str) -> int | None:
    """Close what is live, if anything; the number of that version."""
    active = CustomModel.objects.filter(persona=persona, is_active=True)
    number = active.values_list("number", flat=True).first()
    active.update(is_active=False, updated_at=now)
    Activation.objects.filter(persona=persona, deactivated_at=None).update(
        deactivated_at=now, deactivated_by=by.audit_name, deactivated_reason=reason, updated_at=now
    )
    return number


def _check_usable(model: CustomModel, now: datetime) -> None:
    if model.status != ModelStatus.READY:
        raise _unusable(model, f"is {model.get_status_display().lower()}")
    if is_shut_down(model.shutdown_date, day=now.date()):
        raise _unusable(model, f"was shut down by its provider on {model.shutdown_date}")
    if model.is_active:
        raise Conflict(f"{model} is active already.", resolution="Nothing needs to be done.", code="already_active")


def _unusable(model: CustomModel, why: str) -> Conflict:
    return Conflict(
        f"{model} {why} and cannot be activated.",
        resolution="Activate another version, or train a new one from the same dataset.",
        code="model_unusable",
    )
