"""Two at once, on real connections: one wins, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, FlywheelError, LimitReached
from apps.custom_models.enums import EvaluationStatus, JobStatus
from apps.custom_models.models import Activation, CustomModel, Evaluation, EvaluationAnswer, FineTuneEvent, FineTuneJob
from apps.custom_models.services import (
    activate_model,
    continue_evaluation,
    hand_out_due_jobs,
    launch_fine_tune,
    poll_fine_tune,
    start_evaluation,
)
from apps.custom_models.services.job_sweep import HANDED_OUT
from apps.organizations.enums import Plan
from apps.providers.adapters.openai import OpenAIProvider
from apps.trainer.models import TrainerJob
from tests.custom_models.world import at, import_rows, make_dataset, make_model, make_persona, sentences, start, work
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or, of our own errors, raised; all let go at the same moment."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=60)
            return call()
        except FlywheelError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_starting_twice_makes_one_job() -> None:
    dataset = make_dataset()
    for _ in range(5):
        results = at_once(*[lambda: start(dataset)] * 3)
        started = [result for result in results if isinstance(result, FineTuneJob)]
        refused = [result for result in results if isinstance(result, Conflict)]
        assert (len(started), len(refused)) == (1, 2)
        assert all(f"job {started[0].pk}" in error.message for error in refused)
        FineTuneJob.objects.filter(pk=started[0].pk).update(status=JobStatus.FAILED)


def test_the_plan_cannot_be_outrun() -> None:
    persona = make_persona(organization=OrganizationFactory(plan=Plan.FREE))
    datasets = [make_dataset(persona, place=place) for place in ("Lisbon", "Porto", "Braga")]
    results = at_once(*[lambda dataset=dataset: start(dataset) for dataset in datasets])
    assert sum(isinstance(result, FineTuneJob) for result in results) == 1
    assert sum(isinstance(result, LimitReached) for result in results) == 2


def test_launching_twice_makes_one_remote_job() -> None:
    job = start(make_dataset())
    at_once(*[lambda: launch_fine_tune(job=job, now=timezone.now())] * 3)
    job.refresh_from_db()
    assert (TrainerJob.objects.count(), job.launch_attempts) == (1, 1)
    assert job.status in JobStatus.remote()


def test_polling_twice_makes_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenAIProvider, "poll_seconds", lambda *_: 600)  # no look of its own while we drain
    job = start(make_dataset())
    launch_fine_tune(job=job, now=timezone.now())
    jobs.drain()
    job.refresh_from_db()
    assert (job.status in JobStatus.remote(), TrainerJob.objects.get().status) == (True, JobStatus.SUCCEEDED)
    at_once(*[lambda: poll_fine_tune(job=job, now=timezone.now(), is_forced=True)] * 3)
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCEEDED
    assert list(CustomModel.objects.values_list("number", flat=True)) == [1]
    assert FineTuneEvent.objects.count() == len(set(FineTuneEvent.objects.values_list("remote_id", flat=True)))


def test_sweeping_twice_enqueues_once() -> None:
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    now = at(job) + HANDED_OUT
    assert sum(at_once(*[lambda: hand_out_due_jobs(now=now)] * 3)) == 1


def test_activating_two_versions_leaves_one_active() -> None:
    persona = make_persona()
    models = [make_model(persona, number=number) for number in (1, 2, 3)]
    at_once(*[lambda model=model: activate_model(model=model, by=SYSTEM, now=timezone.now()) for model in models])
    assert CustomModel.objects.filter(is_active=True).count() == 1
    assert Activation.objects.filter(deactivated_at=None).count() == 1
    assert Activation.objects.count() == 3


def test_evaluating_twice_is_one_evaluation() -> None:
    persona = make_persona()
    import_rows(persona, sentences(2, place="Faro"), split_pin="test")
    model = make_model(persona)
    results = at_once(*[lambda: start_evaluation(candidate=model, by=SYSTEM, now=timezone.now())] * 3)
    assert len({result.pk for result in results}) == 1
    assert Evaluation.objects.count() == 1


def test_two_workers_ask_each_question_once(monkeypatch: pytest.MonkeyPatch) -> None:
    persona = make_persona()
    import_rows(persona, sentences(4, place="Faro"), split_pin="test")
    work(start(make_dataset(persona)))
    evaluation = start_evaluation(candidate=CustomModel.objects.get(), by=SYSTEM, now=timezone.now())
    real, asked = OpenAIProvider.chat, []

    def chat(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["model"])
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "chat", chat)
    at_once(*[lambda: continue_evaluation(evaluation=evaluation, now=timezone.now())] * 3)
    assert len(asked) == EvaluationAnswer.objects.count() == 2 * 3 * 4
    evaluation.refresh_from_db()
    assert evaluation.status == EvaluationStatus.COMPLETED
