from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.common import jobs
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.custom_models.queries import live_model
from apps.organizations.enums import Scope
from tests.clients import key_client
from tests.custom_models.world import import_rows, make_dataset, make_model, make_persona, sentences, start, work
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db
JOBS = "/api/fine-tuning-jobs/"
MODELS = "/api/custom-models/"


def error_of(response: Any) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


def test_a_job_from_start_to_model() -> None:
    dataset = make_dataset()
    client = key_client(dataset.organization)
    wanted = {"dataset": dataset.pk, "base_model": "recall-1", "suffix": "api", "hyperparameters": {"n_epochs": "auto"}}
    made = client.post(JOBS, wanted, format="json")
    assert (made.status_code, made.json()["status"]) == (201, "preparing")
    assert made.json()["started_by"].startswith("API key fw_")
    url = f"{JOBS}{made.json()['id']}/"

    again = client.post(JOBS, wanted, format="json")
    assert (again.status_code, error_of(again)["code"]) == (409, "job_already_open")
    assert f"job {made.json()['id']}" in error_of(again)["message"]

    work(FineTuneJob.objects.get())
    done = client.get(url).json()
    assert (done["status"], done["error_message"]) == ("succeeded", "")
    assert done["hyperparameters"] == {"n_epochs": "auto", "learning_rate_multiplier": 0.1, "batch_size": "auto"}
    events = client.get(f"{url}events/").json()["results"]
    assert events[-1]["message"].startswith("Created fine-tuning job")
    assert [row["id"] for row in client.get(JOBS).json()["results"]] == [done["id"]]

    (model,) = client.get(MODELS).json()["results"]
    assert (model["number"], model["job"], model["is_active"]) == (1, done["id"], False)
    assert model["fine_tuned_model_id"] == done["fine_tuned_model"]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"dataset": None}, 400, "dataset"),
        ({"dataset": 10**30}, 400, None),
        ({"dataset": 999_999}, 404, None),
        ({"dataset": "1; DROP TABLE"}, 400, "dataset"),
        ({"base_model": "gpt-9"}, 400, "base_model"),
        ({"suffix": "a:b"}, 400, "suffix"),
        ({"method": "magic"}, 400, "method"),
        ({"hyperparameters": {"n_epochs": 99}}, 400, "hyperparameters.n_epochs"),
        ({"hyperparameters": [1]}, 400, "hyperparameters"),
        ({"credential": "nobody's"}, 404, None),
    ],
)
def test_what_cannot_be_started(change: dict[str, Any], status: int, param: str | None) -> None:
    dataset = make_dataset()
    response = key_client(dataset.organization).post(JOBS, {"dataset": dataset.pk, **change}, format="json")
    assert (response.status_code, error_of(response)["param"]) == (status, param)
    assert FineTuneJob.objects.count() == 0


def test_cancelling() -> None:
    job = start(make_dataset())
    client = key_client(job.organization)
    cancelled = client.post(f"{JOBS}{job.pk}/cancel/")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = client.post(f"{JOBS}{job.pk}/cancel/")
    assert (again.status_code, error_of(again)["code"]) == (409, "job_has_ended")
    assert error_of(again)["resolution"]
    jobs.drain()
    job.refresh_from_db()
    assert (job.status, job.provider_job_id) == ("cancelled", "")


def test_activating_says_so_and_names_the_fallback() -> None:
    model = make_model(make_persona())
    client = key_client(model.organization)
    on = client.post(f"{MODELS}{model.pk}/activate/", {"reason": "Better"}, format="json").json()
    assert (on["message"], on["fallback"], on["deactivated_at"]) == ("Custom model activated!", "recall-1", None)
    assert live_model(persona=model.persona) == model
    off = client.post(f"{MODELS}{model.pk}/deactivate/").json()
    assert (off["message"], off["model"]) == ("Reverted to generic model", model.fine_tuned_model_id)
    again = client.post(f"{MODELS}{model.pk}/deactivate/")
    assert (again.status_code, error_of(again)["code"]) == (409, "not_active")


def test_evaluating() -> None:
    persona = make_persona()
    model = make_model(persona)
    client = key_client(persona.organization)
    none_yet = client.post(f"{MODELS}{model.pk}/evaluate/")
    assert (none_yet.status_code, error_of(none_yet)["code"]) == (400, "no_test_examples")

    import_rows(persona, sentences(4, place="Faro"), split_pin="test")
    work(start(make_dataset(persona)))
    trained = CustomModel.objects.latest("pk")
    started = client.post(f"{MODELS}{trained.pk}/evaluate/")
    assert (started.status_code, started.json()["status"]) == (202, "running")
    jobs.drain()
    (evaluation,) = client.get(f"{MODELS}{trained.pk}/evaluations/").json()["results"]
    assert (evaluation["status"], evaluation["test_size"]) == ("completed", 12)
    assert [arm["accuracy"] for arm in evaluation["arms"]] == [0.0, 1.0]


def test_another_organization_sees_and_touches_nothing() -> None:
    job = start(make_dataset())
    model = make_model(job.persona)
    stranger = key_client(OrganizationFactory())
    assert key_client(job.organization).get(f"{JOBS}{job.pk}/").status_code == 200
    for path in (f"{JOBS}{job.pk}/", f"{JOBS}{job.pk}/events/", f"{MODELS}{model.pk}/"):
        assert stranger.get(path).status_code == 404
    for path in (f"{JOBS}{job.pk}/cancel/", f"{MODELS}{model.pk}/activate/", f"{MODELS}{model.pk}/evaluate/"):
        assert stranger.post(path).status_code == 404
    assert stranger.post(JOBS, {"dataset": job.dataset_id}, format="json").status_code == 404
    assert stranger.get(JOBS).json()["results"] == stranger.get(MODELS).json()["results"] == []


def test_reading_is_not_training() -> None:
    job = start(make_dataset())
    reader, trainer = key_client(job.organization, Scope.READ), key_client(job.organization, Scope.TRAIN)
    assert (reader.get(JOBS).status_code, reader.post(f"{JOBS}{job.pk}/cancel/").status_code) == (200, 403)
    assert (trainer.get(JOBS).status_code, trainer.post(f"{JOBS}{job.pk}/cancel/").status_code) == (403, 200)
    assert APIClient().get(JOBS).status_code == 401


def test_a_viewer_may_look_only() -> None:
    job = start(make_dataset())
    viewer, manager = (
        MembershipFactory(organization=job.organization, user=UserFactory(), role=role).user
        for role in ("viewer", "manager")
    )
    client = APIClient()
    client.force_login(viewer)
    assert (client.get(JOBS).status_code, client.post(f"{JOBS}{job.pk}/cancel/").status_code) == (200, 403)
    client.force_login(manager)
    assert client.post(f"{JOBS}{job.pk}/cancel/").status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_lists_ask_the_same_few_questions(count: int, django_assert_num_queries: Any) -> None:
    persona = make_persona()
    for number in range(1, count + 1):
        make_model(persona, number=number)
        FineTuneJob.objects.filter(pk=start(make_dataset(persona, place=f"Town {number}")).pk).update(status="failed")
    client = key_client(persona.organization)
    client.get("/api/base-models/")  # the key's last use is noted once a day
    for path in (JOBS, MODELS):
        with django_assert_num_queries(2):
            assert len(client.get(path).json()["results"]) == count
    with django_assert_num_queries(3):
        assert len(client.get("/api/base-models/").json()["results"]) == 5


def test_base_models_with_todays_price() -> None:
    persona = make_persona()
    models = {
        model["name"]: model for model in key_client(persona.organization).get("/api/base-models/").json()["results"]
    }
    assert models["gpt-4o-2024-08-06"]["price"]["training"] == 25_000_000
    assert models["gpt-4o-2024-08-06"]["shutdown_date"] == "2027-01-14"
    assert models["recall-1"]["price"]["tuned_output"] == 0
    assert "gpt-3.5-turbo-0125" not in models
