from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, When

from apps.chat.models import Response
from apps.chat.queries import with_response
from apps.common.batches import in_batches
from apps.common.errors import NotFound
from apps.contributions.enums import ExampleOutcome
from apps.contributions.models import TrainingExample
from apps.contributions.queries import Reaction, captured_examples
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.feedback.enums import FeedbackType
from apps.feedback.models import ApprovalTally, ModelFeedback, RetrainingPolicy
from apps.organizations.models import Organization
from apps.personas.models import Persona

# What each type says of an answer, in the words of PB2: approving is a thumb up, and keeping the answer as it was;
# whoever edits an answer gives no thumb unless by a rating; asking again is as much as a thumb down.
REACTIONS = {
    FeedbackType.APPROVED: Reaction(ExampleOutcome.ACCEPTED, approvals=1),
    FeedbackType.EDITED: Reaction(ExampleOutcome.ACCEPTED_WITH_EDITS),
    FeedbackType.REJECTED: Reaction(ExampleOutcome.REJECTED, rejections=1),
    FeedbackType.REGENERATED: Reaction(ExampleOutcome.REGENERATED, rejections=1),
}
THUMB_UP, THUMB_DOWN = 4, 2  # ratings from, and up to
BATCH = 500  # ids in one statement
LISTED = 20  # that are named: a broken rule shows in a few rows as well as in a million


def list_feedback(*, organization: Organization) -> QuerySet[ModelFeedback]:
    feedback = ModelFeedback.objects.of_organization(organization).select_related("custom_model")
    return with_response(feedback)


def find_response(*, organization: Organization, public_id: str) -> Response:
    """The organization's response; NotFound for another's, as if it did not exist."""
    responses = Response.objects.of_organization(organization).select_related("custom_model", "persona")
    response = responses.filter(public_id=public_id).first()
    if response is None:
        raise NotFound(
            f"There is no response {public_id!r}.",
            resolution="Send the `id` of an answer that your organization was given.",
            code="response_not_found",
            param="response_id",
        )
    return response


def latest_feedback(*, custom_model: CustomModel) -> QuerySet[ModelFeedback]:
    """The last word on each of a version's answers: people change their minds, and only the last one counts."""
    of_model = ModelFeedback.objects.filter(custom_model=custom_model)
    return of_model.filter(pk__in=of_model.values("response").annotate(last=Max("pk")).values("last"))


def reaction_in(feedback: ModelFeedback) -> Reaction:
    """What became of the answer, if this is the last word on it."""
    reaction = replace(REACTIONS[FeedbackType(feedback.feedback_type)], edit_share=feedback.edit_share)
    if feedback.feedback_type != FeedbackType.EDITED or feedback.rating is None:
        return reaction
    return replace(reaction, approvals=int(feedback.rating >= THUMB_UP), rejections=int(feedback.rating <= THUMB_DOWN))


def derive_tally(*, custom_model: CustomModel) -> ApprovalTally:
    """The version's tally as all its feedback has it, not saved. Tens of milliseconds at tens of thousands.

    An answer that had to be edited, or asked for again, was not approved.
    """
    counted = latest_feedback(custom_model=custom_model).aggregate(
        judged=Count("pk"), approved=Count(Case(When(feedback_type=FeedbackType.APPROVED, then=1)))
    )
    return ApprovalTally(organization_id=custom_model.organization_id, custom_model_id=custom_model.pk, **counted)


def count_feedback(*, persona: Persona) -> int:
    """Samples on the persona's answers, whichever model gave them."""
    return ModelFeedback.objects.filter(response__persona=persona).count()


def due_policies() -> QuerySet[RetrainingPolicy]:
    """Personas that are due for retraining (RT9): marked due, and no fine-tuning job was created since.

    For people to look at: nothing starts a training by itself yet.
    """
    since = FineTuneJob.objects.filter(persona=OuterRef("persona"), created_at__gte=OuterRef("last_due_at"))
    return (
        RetrainingPolicy.objects.filter(is_active=True, last_due_at__isnull=False)
        .exclude(Exists(since))
        .select_related("persona", "organization")
    )


def find_approval_drift() -> list[str]:
    """Where what is counted on with each feedback is not what all the feedback says; for `check_invariants`."""
    return [*_tally_drift(), *_sample_drift(), *islice(_reaction_drift(), LISTED)]


def _tally_drift() -> Iterator[str]:
    judged, rated = Q(feedback__isnull=False), Q(user_approval_rate__isnull=False)
    models = CustomModel.objects.filter(judged | rated | Q(approval_tally__isnull=False)).distinct()
    for model in models.select_related("persona", "approval_tally"):
        right = derive_tally(custom_model=model)
        tally = getattr(model, "approval_tally", None)
        if tally is not None and (tally.judged, tally.approved) != (right.judged, right.approved):
            yield f"{tally} approved answers are stored, {right.approved} of {right.judged} is right"
        if model.user_approval_rate != right.rate:
            yield f"{model}: approval rate {model.user_approval_rate} is stored, {right.rate} is right"


def last_words() -> QuerySet[ModelFeedback]:
    """The latest feedback on each answer, oldest first."""
    last = ModelFeedback.objects.order_by().values("response").annotate(last=Max("pk")).values("last")
    return (
        with_response(ModelFeedback.objects.filter(pk__in=last)).defer("original", "edited", "comment").order_by("pk")
    )


def misheard(feedback: Sequence[ModelFeedback]) -> Iterator[tuple[TrainingExample, ModelFeedback]]:
    """Examples that do not carry what was last said of their answers; one statement for any number of last words."""
    said = {one.response.public_id: one for one in feedback}
    for example in captured_examples(response_ids=said).order_by("pk"):
        carried = Reaction(example.outcome, example.approvals, example.rejections, example.edit_share)
        if carried != reaction_in(said[example.response_id]):
            yield example, said[example.response_id]


def all_misheard() -> Iterator[tuple[TrainingExample, ModelFeedback]]:
    for batch in in_batches(last_words().iterator(chunk_size=BATCH), BATCH):
        yield from misheard(batch)


def _reaction_drift() -> Iterator[str]:
    for example, feedback in all_misheard():
        yield f"Example {example.pk} does not carry what was last said of its answer: {feedback.feedback_type}"


def _sample_drift() -> Iterator[str]:
    for policy in RetrainingPolicy.objects.select_related("persona"):
        samples = count_feedback(persona=policy.persona)
        if policy.feedback_count != samples:
            yield f"{policy.persona}: {policy.feedback_count} samples of feedback are stored, {samples} is right"
