from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.abtests.services import note_verdict
from apps.chat.models import Response
from apps.common import audit
from apps.common.audit import SYSTEM, Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput
from apps.contributions.services import note_feedback
from apps.custom_models.models import CustomModel
from apps.feedback.enums import FeedbackType
from apps.feedback.models import ApprovalTally, ModelFeedback, RetrainingPolicy
from apps.feedback.queries import all_misheard, count_feedback, derive_tally, reaction_in
from apps.personas.models import Persona

EXACT_PARTS = 2_000  # difflib's worst case is quadratic: 2,000 parts take it about a second


def edit_share(*, original: str, edited: str) -> float:
    """The part of a text that was changed, 0 to 1 (PB2): 1 minus difflib's ratio.

    Over characters up to 2,000 of them, over words up to 2,000 of those; beyond that over how often each word occurs,
    which sees words come and go but not change places.
    """
    if max(len(original), len(edited)) <= EXACT_PARTS:
        return round(1 - SequenceMatcher(None, original, edited, autojunk=False).ratio(), 4)
    before, after = original.split(), edited.split()
    if max(len(before), len(after)) <= EXACT_PARTS:
        return round(1 - SequenceMatcher(None, before, after, autojunk=False).ratio(), 4)
    return round(1 - SequenceMatcher(None, before, after).quick_ratio(), 4)


def record_feedback(
    *,
    response: Response,
    feedback_type: str,
    by: Actor,
    now: datetime,
    client_id: str = "",
    edited: str = "",
    rating: int | None = None,
    quality_score: float | None = None,
    tone_match: float | None = None,
    effectiveness: float | None = None,
    comment: str = "",
    metadata: dict[str, Any] | None = None,
) -> ModelFeedback:
    """Append what somebody thought of an answer, and carry it to the version, the example and the running test.

    The same `client_id` again changes nothing: it returns the first feedback, with `is_repeat` set; Conflict if that
    was about another response. Rating 1-5, the other scores 0-1 (RT3).
    """
    _check_edit(feedback_type, edited)
    share = edit_share(original=response.output, edited=edited) if edited else None
    with transaction.atomic():
        if response.custom_model is not None:
            hold(response.custom_model)  # one feedback on a version at a time: each counts on from the one before
        hold(response)  # and on an answer: the last word counts, so who spoke last must write last
        feedback, created = _append(
            response,
            client_id=client_id,
            feedback_type=feedback_type,
            edited=edited,
            edit_share=share,
            rating=rating,
            quality_score=quality_score,
            tone_match=tone_match,
            effectiveness=effectiveness,
            comment=comment,
            metadata=metadata or {},
            given_by=by.audit_name,
        )
        if created:
            _carry_on(feedback, now=now)
    feedback.is_repeat = not created
    return feedback


def _check_edit(feedback_type: str, edited: str) -> None:
    if feedback_type == FeedbackType.EDITED and not edited:
        raise InvalidInput("An edit needs its text.", resolution="Send the edited text along.", param="edited")
    if feedback_type != FeedbackType.EDITED and edited:
        raise InvalidInput(
            "Only feedback of type edited has an edited text.", resolution="Send the type edited.", param="edited"
        )


def _append(response: Response, *, client_id: str, **said: Any) -> tuple[ModelFeedback, bool]:
    said |= {
        "organization_id": response.organization_id,
        "response": response,
        "custom_model_id": response.custom_model_id,
        "original": response.output,
    }
    if not client_id:
        return ModelFeedback.objects.create(**said), True
    feedback, created = ModelFeedback.objects.get_or_create(
        organization_id=response.organization_id, client_id=client_id, defaults=said
    )
    if feedback.response_id != response.pk:
        raise Conflict(
            f"The client id {client_id!r} was used for feedback on another response.",
            resolution="Use a new client id for each piece of feedback.",
            code="client_id_taken",
            param="client_id",
        )
    return feedback, created


def _carry_on(feedback: ModelFeedback, *, now: datetime) -> None:
    """What follows from new feedback, in the same transaction."""
    response = feedback.response
    note_feedback(persona=response.persona, response_id=response.public_id, reaction=reaction_in(feedback), now=now)
    if response.variant_id is not None:
        note_verdict(
            response_id=response.public_id,
            approved=feedback.feedback_type == FeedbackType.APPROVED,
            quality_score=feedback.quality_score,
            now=now,
        )
    if response.custom_model is not None:
        _count_verdict(feedback, response.custom_model, now=now)
    _count_sample(response.persona, now=now)


def _count_verdict(feedback: ModelFeedback, model: CustomModel, *, now: datetime) -> None:
    """Put the new last word on an answer in the place of the one before. The caller's transaction holds the version."""
    tally = ApprovalTally.objects.filter(custom_model=model).first()
    if tally is None:  # the first feedback, or the first since answers are counted
        recount_approvals(custom_model=model, now=now)
        return
    earlier = ModelFeedback.objects.filter(response=feedback.response, pk__lt=feedback.pk).order_by("-pk")
    before = earlier.values_list("feedback_type", flat=True).first()
    tally.judged += before is None
    tally.approved += (feedback.feedback_type == FeedbackType.APPROVED) - (before == FeedbackType.APPROVED)
    tally.save(update_fields=["judged", "approved", "updated_at"])
    _store_rate(model, tally, now=now)


@transaction.atomic
def recount_approvals(*, custom_model: CustomModel, now: datetime) -> float | None:
    """Derive the version's tally and approval rate anew. Repairs what `find_approval_drift` names; safe to repeat."""
    hold(custom_model)
    right = derive_tally(custom_model=custom_model)
    tally, _ = ApprovalTally.objects.update_or_create(
        custom_model=custom_model,
        defaults={
            "organization_id": right.organization_id,
            "judged": right.judged,
            "approved": right.approved,
        },
    )
    _store_rate(custom_model, tally, now=now)
    return tally.rate


def _store_rate(model: CustomModel, tally: ApprovalTally, *, now: datetime) -> None:
    CustomModel.objects.filter(pk=model.pk).update(user_approval_rate=tally.rate, updated_at=now)
    model.user_approval_rate = tally.rate


def _count_sample(persona: Persona, *, now: datetime) -> None:
    """One more sample for the persona, which marks it due for retraining once there are enough (RT9)."""
    first: dict[str, Any] = {
        "organization_id": persona.organization_id,
        "feedback_count": lambda: count_feedback(persona=persona),
    }
    policy, is_new = RetrainingPolicy.objects.get_or_create(persona=persona, defaults=first)
    if not is_new:
        own = RetrainingPolicy.objects.filter(pk=policy.pk)
        own.update(feedback_count=F("feedback_count") + 1, updated_at=now)
    mark_retraining_due(persona=persona, now=now)


@transaction.atomic
def recount_samples(*, policy: RetrainingPolicy, now: datetime) -> int:
    """Count the persona's samples anew. Repairs what `find_approval_drift` names; safe to repeat."""
    hold(policy)
    samples = count_feedback(persona=policy.persona)
    RetrainingPolicy.objects.filter(pk=policy.pk).update(feedback_count=samples, updated_at=now)
    return samples


@transaction.atomic
def repeat_last_words(*, now: datetime) -> int:
    """Tell examples what was last said of their answers where they say otherwise; to how many. Repairs what
    `find_approval_drift` names of them; safe to repeat."""
    misheard = list(all_misheard())
    for example, feedback in misheard:
        note_feedback(persona=example.persona, response_id=example.response_id, reaction=reaction_in(feedback), now=now)
    return len(misheard)


@transaction.atomic
def mark_retraining_due(*, persona: Persona, now: datetime) -> bool:
    """Mark the persona due for retraining once enough feedback has come in since it was last due (RT9).

    True for the one call that marked it. `queries.due_policies` lists who is due; people start the trainings.
    """
    marked = RetrainingPolicy.objects.filter(
        persona=persona, is_active=True, feedback_count__gte=F("feedback_at_last_due") + F("every_n_feedback")
    ).update(last_due_at=now, feedback_at_last_due=F("feedback_count"), updated_at=now)
    if marked:
        policy = RetrainingPolicy.objects.get(persona=persona)
        audit.record("retraining_due", by=SYSTEM, target=policy, feedback=policy.feedback_count)
    return bool(marked)


@transaction.atomic
def change_retraining_policy(
    *, policy: RetrainingPolicy, every_n_feedback: int, is_active: bool, by: Actor
) -> RetrainingPolicy:
    """After how many samples a persona is due, and whether at all. It is checked with the next feedback."""
    policy.every_n_feedback, policy.is_active = every_n_feedback, is_active
    policy.save(update_fields=["every_n_feedback", "is_active", "updated_at"])
    audit.record("changed", by=by, target=policy, every_n_feedback=every_n_feedback, is_active=is_active)
    return policy
