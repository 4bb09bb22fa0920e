"""Proof before activation: base model and candidate answer the persona's test examples, scored by the task (SC4)."""

from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median

from django.db import transaction
from django.db.models import Avg, Count, Q, Sum

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, FlywheelError, InvalidInput, ProviderError
from apps.common.intervals import wilson_interval
from apps.common.money import round_micros
from apps.custom_models.enums import EvaluationStatus, ModelStatus
from apps.custom_models.models import CustomModel, Evaluation, EvaluationArm
from apps.custom_models.queries import held_out_examples
from apps.custom_models.services.answering import Progress, answer_all
from apps.custom_models.services.evaluation_status import (
    EVALUATE_JOB,
    Turn,
    TurnLost,
    TurnOver,
    end_evaluation,
    hand_on,
    take_turn,
)
from apps.organizations.actors import must_belong

TURN = timedelta(minutes=5)  # of the ten that the queue gives a job: one more answer may take a few


def start_evaluation(*, candidate: CustomModel, by: Actor, now: datetime) -> Evaluation:
    """Enqueue an evaluation; the one that is running already, if there is one. Errors as `run_evaluation`."""
    with transaction.atomic():
        evaluation, created = _get_or_create(candidate, by=by, now=now)
        if created:
            jobs.enqueue(EVALUATE_JOB, evaluation.pk)
    return evaluation


def run_evaluation(
    *, candidate: CustomModel, by: Actor, now: datetime, on_progress: Progress | None = None
) -> Evaluation:
    """Compare a candidate with its base model on the persona's test examples, here and now; returns the finished row.

    InvalidInput: no example is pinned to the test set. Conflict: the candidate is retired or deleted, or a worker is at
    its evaluation. ProviderError: a provider failed; what was answered is kept and the next run goes on from there.
    """
    evaluation, _ = _get_or_create(candidate, by=by, now=now)
    turn = take_turn(evaluation=evaluation, now=now)
    if turn is None:
        raise _worked_on(evaluation)
    try:
        _work(turn, on_progress)
    except TurnLost:
        raise _worked_on(evaluation) from None
    return _fresh(evaluation)


def continue_evaluation(*, evaluation: Evaluation, now: datetime) -> Evaluation:
    """The worker's part: answer for five minutes and leave the rest to a next job; returns the fresh row.

    Harmless when another worker is at it or it has ended. Errors as `run_evaluation`; a permanent one ends it.
    """
    turn = take_turn(evaluation=evaluation, now=now, lasts=TURN)
    if turn is not None:
        try:
            _work(turn)
        except TurnOver:
            hand_on(turn=turn)
        except TurnLost:
            pass
    return _fresh(evaluation)


def _fresh(evaluation: Evaluation) -> Evaluation:
    return Evaluation.objects.select_related("candidate", "persona").get(pk=evaluation.pk)


def _worked_on(evaluation: Evaluation) -> Conflict:
    return Conflict(
        f"A worker is at evaluation {evaluation.pk}, or it was ended.",
        resolution="Watch that one.",
        code="evaluation_worked_on",
    )


@transaction.atomic
def _get_or_create(candidate: CustomModel, *, by: Actor, now: datetime) -> tuple[Evaluation, bool]:
    must_belong(by=by, organization=candidate.organization, what="model")
    hold(candidate)  # a double click makes one evaluation
    candidate.refresh_from_db(fields=["status"])
    running = Evaluation.objects.filter(candidate=candidate, status=EvaluationStatus.RUNNING).first()
    if running is not None:
        return running, False
    if candidate.status != ModelStatus.READY:
        raise Conflict(
            f"{candidate} is {candidate.get_status_display().lower()} and cannot answer.",
            resolution="Evaluate another version.",
            code="model_unusable",
        )
    evaluation = Evaluation.objects.create(
        organization=candidate.organization,
        persona=candidate.persona,
        candidate=candidate,
        test_size=_test_size(candidate),
        started_by=by.audit_name,
    )
    base = candidate.base_model.name
    EvaluationArm.objects.create(evaluation=evaluation, model_name=base)
    EvaluationArm.objects.create(
        evaluation=evaluation, model_name=candidate.fine_tuned_model_id, custom_model=candidate
    )
    audit.record("started", by=by, target=evaluation, at=now.isoformat(), test_size=evaluation.test_size)
    return evaluation, True


def _test_size(candidate: CustomModel) -> int:
    size = held_out_examples(persona=candidate.persona).count()
    if not size:
        raise InvalidInput(
            f"{candidate.persona} has no test examples, so nothing can be proved.",
            resolution="Import labelled examples pinned to the test set; no dataset will ever contain them.",
            code="no_test_examples",
        )
    return size


def _work(turn: Turn, on_progress: Progress | None = None) -> None:
    """Answer what is not answered yet, then add up."""
    try:
        answer_all(turn=turn, on_progress=on_progress)
    except FlywheelError as error:
        _note_problem(turn, error)
        raise
    if turn.evaluation.arms.filter(answers=None).exists():
        _end(turn, EvaluationStatus.FAILED, "Its test examples were withdrawn while it ran. Bring in others.")
    else:
        _complete(turn)


def _note_problem(turn: Turn, error: FlywheelError) -> None:
    if isinstance(error, ProviderError) and error.temporary:
        turn.give_back(error_message=str(error))
    else:
        _end(turn, EvaluationStatus.FAILED, str(error))


@transaction.atomic
def _complete(turn: Turn) -> None:
    """Add up from the answers, so that it does not matter how often the evaluation was interrupted."""
    if not _end(turn, EvaluationStatus.COMPLETED):
        raise TurnLost
    for arm in turn.evaluation.arms.all():
        _add_up(arm)


def _end(turn: Turn, to: EvaluationStatus, error_message: str = "") -> bool:
    return end_evaluation(
        evaluation=turn.evaluation, to=to, now=turn.clock.now(), error_message=error_message, token=turn.token
    )


def _add_up(arm: EvaluationArm) -> None:
    totals = arm.answers.aggregate(
        answered=Count("pk"), right=Sum("score"), correct=Count("pk", filter=Q(score__gte=1)),
        cost=Sum("cost_micros"), latency=Avg("latency_ms"),
    )  # fmt: skip
    interval = wilson_interval(totals["right"], totals["answered"])
    accuracy = totals["right"] / totals["answered"]
    EvaluationArm.objects.filter(pk=arm.pk).update(
        correct=totals["correct"],
        answered=totals["answered"],
        accuracy=accuracy,
        interval_low=interval.low,
        interval_high=interval.high,
        median_latency_ms=median(arm.answers.values_list("latency_ms", flat=True)),
        cost_micros=totals["cost"],
    )
    if arm.custom_model_id is not None:
        CustomModel.objects.filter(pk=arm.custom_model_id).update(
            quality_score=accuracy,
            average_response_time_ms=totals["latency"],
            inference_cost_per_answer_micros=round_micros(Fraction(totals["cost"], totals["answered"])),
        )
