from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.chat.models import TAKEN_BACK, Response
from apps.common.fields import EncryptedTextField
from apps.common.guards import append_only_but_erasable
from apps.custom_models.models import CustomModel
from apps.feedback.enums import FeedbackType
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


def _unit_interval(field: str) -> Q:
    return Q(**{field: None}) | (Q(**{f"{field}__gte": 0}) & Q(**{f"{field}__lte": 1}))


WITHDRAWN_TEXT = "[withdrawn]"  # an edit always carries a text
NO_TEXTS = {"original": "", "edited": WITHDRAWN_TEXT, "comment": ""}  # what a withdrawal leaves of them
ITS_ANSWER_WAS_TAKEN_BACK = (
    "EXISTS (SELECT 1 FROM responses answer WHERE answer.id = OLD.response_id "  # noqa: S608  SQL of our own
    "AND (" + TAKEN_BACK.format(row="answer") + "))"
)


@append_only_but_erasable(texts=NO_TEXTS, when=ITS_ANSWER_WAS_TAKEN_BACK)
class ModelFeedback(OrganizationOwned):
    """What somebody thought of one answer (RT3). Appended by `record_feedback`; the latest on a response counts.

    Verdict and numbers stay for good; its texts may be emptied, once the answer was taken back.
    """

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="feedback")
    custom_model = models.ForeignKey(
        CustomModel, on_delete=models.PROTECT, null=True, blank=True, related_name="feedback"
    )  # copied from the response
    feedback_type = models.CharField(max_length=12, choices=FeedbackType.choices)
    client_id = models.CharField(max_length=100, blank=True)  # the sender's own id: sending twice changes nothing
    original = EncryptedTextField(blank=True)
    edited = EncryptedTextField(blank=True)
    edit_share = models.FloatField(null=True, blank=True)  # part of the text that was changed, 0-1
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    quality_score = models.FloatField(null=True, blank=True)
    tone_match = models.FloatField(null=True, blank=True)
    effectiveness = models.FloatField(null=True, blank=True)
    comment = EncryptedTextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    given_by = models.CharField(max_length=254)

    is_repeat = False  # on what `record_feedback` returns: this client id had sent it before

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "model_feedback"
        verbose_name_plural = "model feedback"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "client_id"], condition=~Q(client_id=""), name="feedback_client_id_once"
            ),
            models.CheckConstraint(
                condition=~Q(feedback_type=FeedbackType.EDITED) | ~Q(edited=""), name="edits_carry_their_text"
            ),
            models.CheckConstraint(condition=_unit_interval("quality_score"), name="feedback_quality_0_to_1"),
            models.CheckConstraint(condition=_unit_interval("tone_match"), name="feedback_tone_0_to_1"),
            models.CheckConstraint(condition=_unit_interval("effectiveness"), name="feedback_effectiveness_0_to_1"),
            models.CheckConstraint(
                condition=Q(rating=None) | (Q(rating__gte=1) & Q(rating__lte=5)), name="feedback_rating_1_to_5"
            ),
        ]
        indexes = [
            # the recount of a version's approvals
            models.Index(fields=["custom_model", "feedback_type"], name="feedback_by_model"),
        ]

    def __str__(self) -> str:
        return f"{self.get_feedback_type_display()} on {self.response}"


class ApprovalTally(OrganizationOwned):
    """A version's answers that somebody judged, and those approved, by the last word on each (RT2).

    Counted on by `record_feedback`, so that one more feedback costs the same at any number of them. Re-derivable from
    the feedback: `check_invariants` compares, `recount_approvals` repairs.
    """

    custom_model = models.OneToOneField(CustomModel, on_delete=models.PROTECT, related_name="approval_tally")
    judged = models.PositiveIntegerField()
    approved = models.PositiveIntegerField()

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(approved__lte=F("judged")), name="approved_answers_were_judged")
        ]

    def __str__(self) -> str:
        return f"{self.custom_model}: {self.approved} of {self.judged}"

    @property
    def rate(self) -> float | None:
        """0 to 1; None before the first feedback."""
        return self.approved / self.judged if self.judged else None


class RetrainingPolicy(OrganizationOwned):
    """When a persona is trained again (RT9): every so many feedback samples, 100 unless said otherwise.

    Made with the persona's first feedback, if nobody made it before; counted on and marked due by `record_feedback`.
    """

    persona = models.OneToOneField(Persona, on_delete=models.PROTECT, related_name="retraining_policy")
    every_n_feedback = models.PositiveIntegerField(default=100, validators=[MinValueValidator(1)])
    is_active = models.BooleanField(default=True)
    feedback_count = models.PositiveIntegerField(default=0)  # on the persona's answers, whichever model gave them
    last_due_at = models.DateTimeField(null=True, blank=True)
    feedback_at_last_due = models.PositiveIntegerField(default=0)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "retraining policies"
        constraints = [models.CheckConstraint(condition=Q(every_n_feedback__gte=1), name="retraining_needs_feedback")]

    def __str__(self) -> str:
        return f"{self.persona}: every {self.every_n_feedback}"
