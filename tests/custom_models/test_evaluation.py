from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotFound, ProviderError
from apps.common.models import AuditEvent
from apps.contributions.models import TrainingExample
from apps.custom_models.enums import EvaluationStatus, ModelStatus
from apps.custom_models.models import CustomModel, Evaluation, EvaluationAnswer
from apps.custom_models.services import (
    answering,
    continue_evaluation,
    evaluating,
    evaluation_status,
    hand_out_stalled_evaluations,
    run_evaluation,
    start_evaluation,
)
from apps.datasets.models import DatasetItem
from apps.providers.adapters.openai import OpenAIProvider
from apps.providers.services import add_price
from tests.custom_models.world import import_rows, make_dataset, make_model, make_persona, sentences, start, work
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
TESTS = 45  # more than a few, fewer than a batch


@pytest.fixture
def candidate() -> CustomModel:
    """Version 1, with test examples that were there before its dataset was built."""
    persona = make_persona()
    import_rows(persona, sentences(TESTS // 3, place="Faro"), split_pin="test")
    work(start(make_dataset(persona)))
    return CustomModel.objects.get()


def run(candidate: CustomModel, **fields: Any) -> Evaluation:
    return run_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now(), **fields)


def test_base_against_candidate(candidate: CustomModel) -> None:
    seen: list[tuple[int, int]] = []
    evaluation = run(candidate, on_progress=lambda done, total: seen.append((done, total)))
    assert (evaluation.status, evaluation.test_size, evaluation.answered) == ("completed", TESTS, 2 * TESTS)
    assert seen == [(TESTS, 2 * TESTS), (2 * TESTS, 2 * TESTS)]
    base = evaluation.arms.get(custom_model=None)
    custom = evaluation.arms.get(custom_model=candidate)
    assert (base.model_name, base.accuracy, base.correct) == ("recall-1", 0.0, 0)  # it was not trained, and says so
    assert (custom.model_name, custom.answered) == (candidate.fine_tuned_model_id, TESTS)
    assert custom.accuracy == custom.correct / TESTS > 0.9
    assert custom.interval_low is not None
    assert custom.interval_high is not None
    assert 0 < custom.interval_low < custom.accuracy <= custom.interval_high == 1
    assert custom.median_latency_ms is not None
    assert custom.median_latency_ms > 0
    candidate.refresh_from_db()
    assert candidate.quality_score == custom.accuracy
    assert candidate.average_response_time_ms is not None


def test_no_test_example_was_ever_trained_on(candidate: CustomModel) -> None:
    run(candidate)
    asked = set(EvaluationAnswer.objects.values_list("example__content_hash", flat=True))
    assert len(asked) == TESTS
    assert asked.isdisjoint(DatasetItem.objects.values_list("example__content_hash", flat=True))


def test_what_answers_cost(candidate: CustomModel) -> None:
    kinds = {"input": 1_000_000, "output": 2_000_000, "tuned_input": 3_000_000, "tuned_output": 4_000_000}
    add_price(base_model=candidate.base_model, valid_from=timezone.now().date(), micros=kinds, by=SYSTEM)
    evaluation = run(candidate)
    base, custom = evaluation.arms.get(custom_model=None), evaluation.arms.get(custom_model=candidate)
    assert custom.cost_micros > base.cost_micros > 0
    assert base.cost_micros == sum(base.answers.values_list("cost_micros", flat=True))
    candidate.refresh_from_db()
    assert candidate.inference_cost_per_answer_micros == round(custom.cost_micros / TESTS)


def test_a_persona_without_test_examples() -> None:
    with pytest.raises(InvalidInput) as refused:
        run(make_model(make_persona()))
    assert refused.value.code == "no_test_examples"
    assert refused.value.resolution
    assert Evaluation.objects.count() == 0


@pytest.mark.parametrize("status", [ModelStatus.RETIRED, ModelStatus.DELETED])
def test_a_model_that_is_gone_is_not_asked(candidate: CustomModel, status: ModelStatus) -> None:
    CustomModel.objects.update(status=status)
    with pytest.raises(Conflict):
        run(candidate)


def test_strangers_find_no_model(candidate: CustomModel) -> None:
    with pytest.raises(NotFound):
        run_evaluation(candidate=candidate, by=UserFactory(), now=timezone.now())


def breaking_after(count: int, error: Exception) -> Callable[..., Any]:
    real, calls = OpenAIProvider.chat, [0]

    def chat(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] > count:
            raise error
        return real(self, *args, **kwargs)

    return chat


def test_a_broken_evaluation_goes_on_where_it_stopped(candidate: CustomModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        down = ProviderError("Down.", temporary=True)
        patch.setattr(OpenAIProvider, "chat", breaking_after(TESTS + 7, down))
        with pytest.raises(ProviderError):
            run(candidate)
    evaluation = Evaluation.objects.get()
    assert (evaluation.status, evaluation.error_message) == ("running", "Down.")
    kept = list(EvaluationAnswer.objects.order_by("pk").values())
    assert len(kept) == TESTS + 7

    again = run(candidate)
    assert (again.pk, again.status, again.error_message) == (evaluation.pk, "completed", "")
    assert EvaluationAnswer.objects.count() == 2 * TESTS
    assert list(EvaluationAnswer.objects.order_by("pk").values())[: TESTS + 7] == kept


def test_a_permanent_refusal_ends_it(candidate: CustomModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(OpenAIProvider, "chat", breaking_after(3, ProviderError("No key.", temporary=False)))
        with pytest.raises(ProviderError):
            run(candidate)
    evaluation = Evaluation.objects.get()
    assert (evaluation.status, evaluation.error_message) == ("failed", "No key.")
    assert AuditEvent.objects.filter(verb="failed", object_id=evaluation.pk, actor="system").count() == 1
    assert run(candidate).pk != evaluation.pk


@pytest.mark.parametrize(
    "text", ["", "no JSON", '{"code": "unknown"}', "[" * 5000, "\x00", "\ud800", '{"code": {"a": 1}}']
)
def test_an_unreadable_answer_is_wrong(candidate: CustomModel, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    real = OpenAIProvider.chat

    def chat(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        answer = real(self, *args, **kwargs)
        return type(answer)(**{**vars(answer), "text": text})

    monkeypatch.setattr(OpenAIProvider, "chat", chat)
    evaluation = run(candidate)
    assert [arm.accuracy for arm in evaluation.arms.all()] == [0.0, 0.0]


def test_started_by_a_click_and_run_by_the_worker(candidate: CustomModel) -> None:
    evaluation = start_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now())
    assert start_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now()) == evaluation
    assert jobs.drain() == 1
    evaluation.refresh_from_db()
    assert evaluation.status == EvaluationStatus.COMPLETED
    answers = EvaluationAnswer.objects.count()
    continue_evaluation(evaluation=evaluation, now=timezone.now())  # a job can run twice
    assert EvaluationAnswer.objects.count() == answers


def test_a_stalled_evaluation_is_found(candidate: CustomModel) -> None:
    evaluation = start_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now())
    assert hand_out_stalled_evaluations(now=timezone.now()) == 0
    later = timezone.now() + timedelta(minutes=11)
    assert hand_out_stalled_evaluations(now=later) == 1
    assert hand_out_stalled_evaluations(now=later) == 0
    assert hand_out_stalled_evaluations(now=later + timedelta(days=2)) == 0
    evaluation.refresh_from_db()
    assert evaluation.status == EvaluationStatus.FAILED
    assert "within a day" in evaluation.error_message
    assert AuditEvent.objects.filter(verb="failed", object_id=evaluation.pk, actor="system").count() == 1


def test_an_evaluation_that_is_being_worked_on_has_not_stalled(candidate: CustomModel) -> None:
    now = timezone.now()
    evaluation = start_evaluation(candidate=candidate, by=SYSTEM, now=now)
    Evaluation.objects.update(updated_at=now - timedelta(minutes=9))  # it waited in the queue for so long
    handed_out: list[int] = []
    run(
        candidate,
        on_progress=lambda *_: handed_out.append(hand_out_stalled_evaluations(now=now + timedelta(minutes=2))),
    )
    assert handed_out == [0, 0]
    evaluation.refresh_from_db()
    assert evaluation.finished_at is not None
    assert evaluation.finished_at > now


class Killed(BaseException):
    """The worker process ends here: nothing after it runs, no handler, no clean-up."""


def test_a_killed_worker_holds_its_evaluation_until_its_lease_is_over(
    candidate: CustomModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr(OpenAIProvider, "chat", breaking_after(7, Killed()))
        with pytest.raises(Killed):
            run(candidate)
    assert hand_out_stalled_evaluations(now=began + timedelta(minutes=9)) == 0
    with pytest.raises(Conflict) as refused:
        run(candidate)
    assert refused.value.code == "evaluation_worked_on"
    evaluation = continue_evaluation(evaluation=Evaluation.objects.get(), now=began + timedelta(minutes=9))
    assert (evaluation.status, evaluation.answered) == ("running", 0)

    later = timezone.now() + timedelta(minutes=11)
    assert hand_out_stalled_evaluations(now=later) == 1
    evaluation = continue_evaluation(evaluation=evaluation, now=later)
    assert (evaluation.status, evaluation.answered, evaluation.lease_token) == ("completed", 2 * TESTS, "")


def test_a_worker_that_lost_its_lease_stops_asking(candidate: CustomModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs in an answer until another has done everything."""
    real, calls = OpenAIProvider.chat, [0]

    def hanging(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            continue_evaluation(evaluation=Evaluation.objects.get(), now=timezone.now() + timedelta(minutes=11))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "chat", hanging)
    monkeypatch.setattr(answering, "BATCH", 5)
    with pytest.raises(Conflict):
        run(candidate)
    assert Evaluation.objects.get().status == EvaluationStatus.COMPLETED
    assert EvaluationAnswer.objects.count() == 2 * TESTS
    assert calls[0] == 2 * TESTS + 5  # one batch was asked twice, and no more


def test_a_worker_whose_time_is_up_leaves_the_rest_to_the_next(
    candidate: CustomModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "TURN", timedelta(microseconds=1))  # enough for one answer
    evaluation = start_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now())
    for asked in (1, 2, 3):
        assert jobs.drain(limit=1) == 1
        evaluation.refresh_from_db()
        assert (evaluation.status, evaluation.answered, evaluation.lease_until) == ("running", asked, None)
        assert EvaluationAnswer.objects.count() == asked
    monkeypatch.undo()
    assert jobs.drain() == 1
    evaluation.refresh_from_db()
    assert (evaluation.status, EvaluationAnswer.objects.count()) == ("completed", 2 * TESTS)


def test_a_slow_model_does_not_let_the_lease_run_out(candidate: CustomModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_status, "SIGN_OF_LIFE", timedelta(0))  # every answer took long
    seen: list[int] = []
    run(candidate, on_progress=lambda done, _: seen.append(done))
    assert seen == list(range(1, 2 * TESTS + 1))


def test_the_average_cost_is_rounded_as_all_money_is() -> None:
    persona = make_persona()
    import_rows(persona, sentences(1)[:2], split_pin="test")
    candidate = make_model(persona)
    evaluation = start_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now())
    EvaluationAnswer.objects.bulk_create(
        EvaluationAnswer(arm=arm, example=example, score=1, latency_ms=1, cost_micros=cost)
        for arm in evaluation.arms.all()
        for cost, example in enumerate(TrainingExample.objects.all())
    )
    continue_evaluation(evaluation=evaluation, now=timezone.now())
    candidate.refresh_from_db()
    assert candidate.inference_cost_per_answer_micros == 1  # half a micro, away from zero


def test_few_queries_however_many_answers(candidate: CustomModel, django_assert_max_num_queries: Any) -> None:
    """The trainer's own queries included: nothing of ours runs once an answer."""
    with django_assert_max_num_queries(4 * TESTS):
        run(candidate)
