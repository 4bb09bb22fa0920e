"""Examples that were taken back: which versions hold them, and the files that training left at its provider."""

from typing import Any

import pytest
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, ProviderError
from apps.contributions.enums import WithdrawalStatus
from apps.contributions.models import Withdrawal
from apps.contributions.services import erase_withdrawal, withdraw_examples
from apps.contributions.services.withdrawals import erasing
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, EvaluationAnswer, FineTuneJob
from apps.custom_models.queries import held_out_examples
from apps.custom_models.services import launch_fine_tune, run_evaluation
from apps.datasets.models import TrainingDataset
from apps.payouts.queries import find_drift
from apps.providers.adapters.openai import OpenAIProvider
from apps.trainer.models import TrainerFile
from tests.custom_models.world import import_rows, make_dataset, make_persona, sentences, start, work

pytestmark = pytest.mark.django_db


def take_back(dataset: TrainingDataset, rows: int = 2) -> Withdrawal:
    ids = list(dataset.items.order_by("pk").values_list("example", flat=True)[:rows])
    return withdraw_examples(organization=dataset.organization, example_ids=ids, by=SYSTEM, now=timezone.now())


def erase(withdrawal: Withdrawal) -> Withdrawal:
    return erase_withdrawal(withdrawal=withdrawal, now=timezone.now() + erasing.LOOK_AGAIN * withdrawal.attempts * 2)


@pytest.fixture
def trained() -> FineTuneJob:
    job = work(start(make_dataset()))
    assert TrainerFile.objects.filter(purpose="fine-tune").count() == 2
    return job


def test_the_version_is_named_and_its_files_are_deleted_at_the_provider(trained: FineTuneJob) -> None:
    model = CustomModel.objects.get(job=trained)
    withdrawal = erase(take_back(trained.dataset))
    affected = [(one["kind"], one["id"], one["rows"]) for one in withdrawal.report["affected"]]
    assert affected == [
        ("datasets.trainingdataset", trained.dataset_id, 2),
        ("custom_models.custommodel", model.pk, 2),
    ]
    assert (withdrawal.status, withdrawal.report["left"]) == (WithdrawalStatus.DONE, [])
    assert TrainerFile.objects.filter(purpose="fine-tune").count() == 0
    assert find_drift() == []


def test_no_new_job_may_start_from_it(trained: FineTuneJob) -> None:
    dataset = trained.dataset
    take_back(dataset)
    with pytest.raises(Conflict) as refused:
        start(dataset)
    assert refused.value.code == "examples_withdrawn"
    assert "Build a new dataset" in refused.value.resolution


def test_a_job_that_has_not_reached_its_provider_fails() -> None:
    job = start(make_dataset())
    take_back(job.dataset)
    job = launch_fine_tune(job=job, now=timezone.now())
    assert (job.status, job.error_code, job.training_file_id) == (JobStatus.FAILED, "examples_withdrawn", "")


def test_examples_taken_back_between_upload_and_creation_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    job = start(make_dataset())
    find = OpenAIProvider.find_job

    def meanwhile(self: OpenAIProvider, *args: object, **kwargs: object) -> object:
        take_back(job.dataset)
        return find(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenAIProvider, "find_job", meanwhile)
    job = launch_fine_tune(job=job, now=timezone.now())
    assert (job.status, job.error_code, job.provider_job_id) == (JobStatus.FAILED, "examples_withdrawn", "")


def test_files_are_left_until_their_job_has_ended() -> None:
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    withdrawal = erase(take_back(job.dataset))
    assert withdrawal.status == WithdrawalStatus.ERASING
    assert "is needed until the job has ended" in withdrawal.report["left"][0]
    assert [one["kind"] for one in withdrawal.report["affected"]][1:] == ["custom_models.finetunejob"]
    work(job)
    withdrawal = erase(withdrawal)
    assert (withdrawal.status, withdrawal.report["left"]) == (WithdrawalStatus.DONE, [])


@pytest.mark.parametrize(("temporary", "status"), [(True, WithdrawalStatus.ERASING), (False, WithdrawalStatus.FAILED)])
def test_what_a_provider_will_not_delete_is_named(
    trained: FineTuneJob, monkeypatch: pytest.MonkeyPatch, temporary: bool, status: WithdrawalStatus
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ProviderError("It said no.", temporary=temporary)

    monkeypatch.setattr(OpenAIProvider, "delete_file", refuse)
    withdrawal = erase(take_back(trained.dataset))
    assert withdrawal.status == status
    assert withdrawal.report["left"][0].startswith(f"File {trained.training_file_id} of fine-tuning job {trained.pk}")
    monkeypatch.undo()
    if temporary:
        assert erase(withdrawal).status == WithdrawalStatus.DONE


def test_a_file_that_is_gone_already_is_as_good(trained: FineTuneJob) -> None:
    TrainerFile.objects.all().delete()
    assert erase(take_back(trained.dataset)).status == WithdrawalStatus.DONE


@pytest.mark.parametrize(("taken", "status"), [(1, "completed"), (12, "failed")])
def test_what_is_taken_back_while_an_evaluation_asks_is_not_written_down(
    monkeypatch: pytest.MonkeyPatch, taken: int, status: str
) -> None:
    persona = make_persona()
    import_rows(persona, sentences(4, place="Faro"), split_pin="test")
    work(start(make_dataset(persona)))
    tested = list(held_out_examples(persona=persona).values_list("pk", flat=True))
    ask = OpenAIProvider.chat

    def meanwhile(self: OpenAIProvider, *args: Any, **kwargs: Any) -> Any:
        if not Withdrawal.objects.exists():
            own = persona.organization
            erase(withdraw_examples(organization=own, example_ids=tested[:taken], by=SYSTEM, now=timezone.now()))
        return ask(self, *args, **kwargs)

    monkeypatch.setattr(OpenAIProvider, "chat", meanwhile)
    evaluation = run_evaluation(candidate=CustomModel.objects.get(), by=SYSTEM, now=timezone.now())
    assert evaluation.status == status
    answers = EvaluationAnswer.objects.exclude(answer="")
    assert set(answers.values_list("example", flat=True)) == set(tested[taken:])
