from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, LimitReached, NotFound
from apps.common.fine_tuning import default_epochs
from apps.contributions.models import TrainingExample
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import estimate_fine_tune, training_cost
from apps.custom_models.services import cancel_fine_tune
from apps.datasets.enums import DatasetStatus
from apps.datasets.services import build_dataset
from apps.organizations.enums import Plan
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.providers.models import BaseModel
from apps.providers.queries import price_on
from apps.providers.services import create_credential
from tests.custom_models.world import import_rows, make_dataset, make_persona, sentences, start, work
from tests.datasets.world import withdraw
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


def base_model(name: str) -> BaseModel:
    return BaseModel.objects.get(name__startswith=name)


def test_what_is_written_down() -> None:
    dataset = make_dataset()
    user = UserFactory()
    MembershipFactory(organization=dataset.organization, user=user)
    job = start(dataset, by=user, user=user)
    assert (job.status, job.suffix, job.provider, job.started_by) == ("preparing", "coder", "openai", user.email)
    assert job.hyperparameters == {"n_epochs": 3, "learning_rate_multiplier": 0.1, "batch_size": "auto"}  # RT6
    assert job.training_sha256 == dataset.training_sha256
    assert job.estimated_tokens == 3 * dataset.training_tokens


def test_starting_twice_names_the_open_job() -> None:
    dataset = make_dataset()
    job = start(dataset)
    with pytest.raises(Conflict, match=f"Fine-tuning job {job.pk} is already working") as conflict:
        start(dataset)
    assert conflict.value.code == "job_already_open"
    assert f"job {job.pk}" in conflict.value.resolution
    assert FineTuneJob.objects.count() == 1
    assert jobs.drain() > 0


def test_a_draft_cannot_be_trained_on() -> None:
    persona = make_persona()
    import_rows(persona, sentences(10))
    draft = build_dataset(persona=persona, name="Draft", by=SYSTEM, now=timezone.now())
    with pytest.raises(Conflict) as conflict:
        start(draft)
    assert conflict.value.code == "not_published"


def test_withdrawn_examples_stop_a_start() -> None:
    dataset = make_dataset()
    withdraw(dataset.items.order_by("pk")[0])
    with pytest.raises(Conflict) as conflict:
        start(dataset)
    assert conflict.value.code == "examples_withdrawn"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"is_active": False}, "cannot be fine-tuned"),
        ({"can_train": False}, "cannot be fine-tuned"),
        ({"provider": "replicate"}, "is not served by OpenAI-compatible"),
        ({"shutdown_date": date(2026, 11, 1)}, "was shut down on 2026-11-01"),
    ],
)
def test_base_models_that_cannot_be_trained(change: dict[str, Any], says: str) -> None:
    dataset = make_dataset()
    model = dataset.persona.base_model
    for field, value in change.items():
        setattr(model, field, value)
    model.save()
    with pytest.raises(InvalidInput, match=says) as refused:
        start(dataset, base_model=model)
    assert (refused.value.code, refused.value.param) == ("base_model_unavailable", "base_model")
    assert FineTuneJob.objects.count() == 0


def test_a_base_model_can_be_trained_until_the_day_before_it_is_shut_down() -> None:
    dataset = make_dataset()
    model = base_model("gpt-4o-mini")
    assert model.shutdown_date is not None
    hosted = create_credential(
        organization=dataset.organization, provider="openai", name="Ours", api_key="sk-1", by=SYSTEM
    )
    last_day = timezone.now().replace(year=2027, month=1, day=13)
    start(dataset, base_model=model, credential=hosted, now=last_day)


def test_the_embedded_trainer_serves_its_own_base_model_only() -> None:
    dataset = make_dataset()
    with pytest.raises(InvalidInput, match="GPT-4o is not served by the embedded trainer"):
        start(dataset, base_model=base_model("gpt-4o-2024"))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"n_epochs": 0}, "hyperparameters.n_epochs"),
        ({"n_epochs": 51}, "hyperparameters.n_epochs"),
        ({"n_epochs": 2.5}, "hyperparameters.n_epochs"),
        ({"n_epochs": True}, "hyperparameters.n_epochs"),
        ({"n_epochs": "3"}, "hyperparameters.n_epochs"),
        ({"batch_size": 257}, "hyperparameters.batch_size"),
        ({"learning_rate_multiplier": 0}, "hyperparameters.learning_rate_multiplier"),
        ({"learning_rate_multiplier": float("nan")}, "hyperparameters.learning_rate_multiplier"),
        ({"learning_rate_multiplier": float("inf")}, "hyperparameters.learning_rate_multiplier"),
        ({"lora": True}, "hyperparameters"),
    ],
)
def test_hyperparameters_out_of_range(given: dict[str, Any], param: str) -> None:
    dataset = make_dataset()
    with pytest.raises(InvalidInput) as refused:
        start(dataset, hyperparameters=given)
    assert refused.value.param == param


@pytest.mark.parametrize("suffix", ["a:b", "ü", "a b", "x" * 65, "a/../b"])
def test_suffixes_that_cannot_be_part_of_a_name(suffix: str) -> None:
    dataset = make_dataset()
    with pytest.raises(InvalidInput) as refused:
        start(dataset, suffix=suffix)
    assert refused.value.param == "suffix"


def test_preference_tuning_wants_another_format() -> None:
    dataset = make_dataset()
    with pytest.raises(InvalidInput) as refused:
        start(dataset, method="dpo")
    assert refused.value.code == "wrong_format"
    assert refused.value.resolution == "Use supervised tuning."  # nothing here can build the other format yet


def test_strangers_find_no_dataset() -> None:
    dataset = make_dataset()
    with pytest.raises(NotFound):
        start(dataset, by=UserFactory())
    assert start(dataset, by=UserFactory(is_superuser=True)).pk


def test_another_organizations_credential() -> None:
    dataset = make_dataset()
    other = create_credential(
        organization=OrganizationFactory(), provider="openai", name="Theirs", api_key="sk-1", by=SYSTEM
    )
    with pytest.raises(NotFound):
        start(dataset, credential=other)


# --- plans (AV14, RT13) ---


def free_organization() -> Organization:
    return OrganizationFactory(plan=Plan.FREE)


def two_datasets(organization: Organization) -> list[Any]:
    persona = make_persona(organization=organization)
    return [make_dataset(persona, place="Lisbon"), make_dataset(persona, place="Porto")]


def test_the_free_plan_has_one_job_a_month() -> None:
    first, second = two_datasets(free_organization())
    start(first)
    with pytest.raises(LimitReached) as refused:
        start(second)
    assert str(refused.value) == (
        "The Free plan includes 1 fine-tuning job a month, and this month's are used. "
        "More custom models need the Plus plan; or wait for the next month."
    )
    assert (refused.value.code, refused.value.status) == ("plan_restriction", 429)
    second.refresh_from_db()
    assert second.status == DatasetStatus.READY
    start(second, now=timezone.now() + timedelta(days=31))


def test_what_does_not_count_against_the_plan() -> None:
    first, second = two_datasets(free_organization())
    job = start(first)
    cancel_fine_tune(job=job, by=SYSTEM, now=timezone.now())  # before the provider had it
    job = start(second)
    FineTuneJob.objects.filter(pk=job.pk).update(status=JobStatus.FAILED)
    start(first)


def test_the_plus_plan_has_room() -> None:
    first, second = two_datasets(OrganizationFactory(plan=Plan.PLUS))
    start(first)
    start(second)


# --- estimates ---


def test_a_million_tokens_of_gpt_4o_are_2500_cents() -> None:
    make_persona()
    price = price_on(base_model=base_model("gpt-4o-2024"), day=timezone.now().date())
    assert training_cost(tokens=1_000_000, price=price) == 2500 * 10_000
    price = price_on(base_model=base_model("gpt-4o-mini"), day=timezone.now().date())
    assert training_cost(tokens=1_000_000, price=price) == 300 * 10_000
    assert training_cost(tokens=1_000_000, price=None) is None


def test_an_estimate() -> None:
    dataset = make_dataset()
    estimate = estimate_fine_tune(
        dataset=dataset,
        base_model=base_model("gpt-4o-2024"),
        hyperparameters={"n_epochs": "auto"},
        day=timezone.now().date(),
    )
    assert (estimate.examples, estimate.n_epochs) == (dataset.training_count, default_epochs(dataset.training_count))
    assert estimate.tokens == dataset.training_tokens * estimate.n_epochs
    assert estimate.cost_micros == estimate.tokens * 25
    assert estimate.seconds is None  # nobody has trained this base model yet


def test_long_examples_are_cut_as_the_provider_cuts_them() -> None:
    dataset = make_dataset()
    model = base_model("recall")
    model.max_example_tokens = 10
    estimate = estimate_fine_tune(
        dataset=dataset, base_model=model, hyperparameters={"n_epochs": 1}, day=timezone.now().date()
    )
    assert estimate.tokens == 10 * dataset.training_count


def test_time_is_estimated_from_past_jobs() -> None:
    dataset = make_dataset()
    job = work(start(dataset))
    began = timezone.now()
    FineTuneJob.objects.filter(pk=job.pk).update(
        started_at=began, finished_at=began + timedelta(seconds=90), trained_tokens=job.estimated_tokens
    )
    estimate = estimate_fine_tune(
        dataset=dataset, base_model=job.base_model, hyperparameters=None, day=timezone.now().date()
    )
    assert estimate.seconds == 90


def test_the_world_of_these_tests() -> None:
    """Were it empty, several tests above would prove nothing."""
    dataset = make_dataset()
    assert TrainingExample.objects.trainable().count() == 30
    assert dataset.training_count + dataset.validation_count == 30
    assert Persona.objects.count() == 1
