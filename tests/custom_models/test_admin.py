import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.common import jobs
from apps.common.admin import took_words
from apps.common.audit import SYSTEM
from apps.custom_models.admin.facts import cancelled_words
from apps.custom_models.models import CustomModel, Evaluation, FineTuneJob
from apps.custom_models.queries import live_model
from apps.custom_models.services import cancel_fine_tune, launch_fine_tune
from apps.organizations.models import Organization
from apps.providers.adapters.openai import OpenAIProvider
from tests.custom_models.world import import_rows, make_dataset, make_model, make_persona, sentences, start, work
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db
JOB, MODEL = "admin:custom_models_finetunejob", "admin:custom_models_custommodel"


def client_of(organization: Organization | None, *, role: str = "manager") -> Client:
    """Staff with a role in the organization; without one, a superuser."""
    user = UserFactory(is_staff=True, is_superuser=organization is None)
    if organization:
        MembershipFactory(user=user, organization=organization, role=role)
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def facts_of(response: Any) -> dict[str, str]:
    """What a page that asks shows before it is confirmed."""
    return dict(response.context["facts"])


def act(client: Client, page: str, action: str, *rows: Any, **more: str) -> Any:
    data = {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], **more}
    return client.post(reverse(f"{page}_changelist"), data, follow=True)


def answers(dataset: Any, **changes: Any) -> dict[str, Any]:
    return {
        "dataset": dataset.pk,
        "base_model": dataset.persona.base_model_id,
        "n_epochs": "3",
        "learning_rate_multiplier": "0.1",
        "batch_size": "auto",
        "suffix": "",
        "step": "numbers",
        **changes,
    }


def test_starting_shows_the_numbers_first() -> None:
    dataset = make_dataset()
    client = client_of(dataset.organization)
    assert reverse(f"{JOB}_start") in text_of(client.get(reverse(f"{JOB}_changelist")))
    url = f"{reverse(f'{JOB}_start')}?dataset={dataset.pk}"
    assert f'value="{dataset.pk}" selected' in text_of(client.get(url))

    numbers = text_of(client.post(url, answers(dataset)))
    assert f"{dataset.training_count} to train on, {dataset.validation_count} to validate with" in numbers
    assert f"{3 * dataset.training_tokens:,} to be trained" in numbers
    assert "about $0.00 (estimated)" in numbers
    assert "nobody has trained this base model here yet" in numbers
    assert "Plus: 0 of 20 fine-tuning jobs used this month" in numbers
    assert FineTuneJob.objects.count() == 0

    page = text_of(client.post(url, answers(dataset, step="start"), follow=True))
    job = FineTuneJob.objects.get()
    assert f"Fine-tuning job {job.pk} is started." in page
    assert (job.hyperparameters["n_epochs"], job.hyperparameters["batch_size"]) == (3, "auto")
    assert job.user is not None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n_epochs": "many"}, "Enter a number, or auto."),
        ({"n_epochs": "99"}, "n_epochs is 99, which it cannot be."),
        ({"dataset": "999999"}, "Select a valid choice."),
        ({"suffix": "a:b", "step": "start"}, "cannot be part of a model"),
    ],
)
def test_what_cannot_be_started_is_said_over_the_form(change: dict[str, str], says: str) -> None:
    dataset = make_dataset()
    client = client_of(dataset.organization)
    assert says in text_of(client.post(reverse(f"{JOB}_start"), answers(dataset) | change))
    assert FineTuneJob.objects.count() == 0


def shown_form(page: Any) -> dict[str, Any]:
    """What the form on the page would send if nobody touched it."""
    form = page.context["form"]
    return {name: value for name in form.fields if (value := form[name].value()) is not None}


def test_a_corrected_form_shows_its_numbers_before_anything_starts() -> None:
    dataset = make_dataset()
    client = client_of(dataset.organization)
    url = reverse(f"{JOB}_start")
    for refused in ({"suffix": "a:b"}, {"base_model": ""}):
        page = client.post(url, answers(dataset, step="start") | refused)
        corrected = shown_form(page) | answers(dataset, step=page.context["form"]["step"].value())
        assert "about $0.00" in text_of(client.post(url, corrected))
        assert FineTuneJob.objects.count() == 0
    assert shown_form(client.get(f"{url}?dataset={dataset.pk}&step=start"))["step"] == ""

    client.post(url, shown_form(client.post(url, corrected)))
    assert FineTuneJob.objects.count() == 1


def test_a_double_click_starts_one_job() -> None:
    dataset = make_dataset()
    client = client_of(dataset.organization)
    client.post(reverse(f"{JOB}_start"), answers(dataset, step="start"))
    again = text_of(client.post(reverse(f"{JOB}_start"), answers(dataset, step="start")))
    assert "Select a valid choice." in again  # it is training, and no longer offered
    assert FineTuneJob.objects.count() == 1


def test_the_list_and_the_page_of_a_job() -> None:
    job = work(start(make_dataset()))
    client = client_of(job.organization)
    rows = text_of(client.get(reverse(f"{JOB}_changelist")))
    assert "Succeeded" in rows
    assert "ended" in rows
    assert f"{job.trained_tokens:,} trained, {job.estimated_tokens:,} estimated" in rows
    assert "$0.00 actual, $0.00 estimated" in rows
    page = text_of(client.get(reverse(f"{JOB}_change", args=[job.pk])))
    assert "Created fine-tuning job" in page
    assert job.fine_tuned_model in page
    assert "Bank coder v1" in page


def test_cancelling_asks_first() -> None:
    job = start(make_dataset())
    client = client_of(job.organization)
    asked = facts_of(act(client, JOB, "cancel", job))
    assert asked == {
        "Job": f"Fine-tuning {job.pk} of Bank coder",
        "Status": "Preparing",
        "Examples": "27 to train on, 3 to validate with",
        "Tokens": f"{job.estimated_tokens:,} estimated; none so far: it is not at the provider yet",
        "Cost": "$0.00 estimated; nothing so far: it is not at the provider yet",
        "Time": asked["Time"],
    }
    assert re.fullmatch(r"\d+ seconds? so far; the whole: not known", asked["Time"])
    assert FineTuneJob.objects.get().status == "preparing"
    assert "is cancelled" in text_of(act(client, JOB, "cancel", job, confirmed="yes"))
    assert FineTuneJob.objects.get().status == "cancelled"
    assert "has already ended" in text_of(act(client, JOB, "cancel", job, confirmed="yes"))


def test_cancelling_says_how_far_a_running_job_is() -> None:
    work(start(make_dataset()))
    job = launch_fine_tune(job=start(make_dataset(FineTuneJob.objects.get().persona, place="Faro")), now=timezone.now())
    FineTuneJob.objects.filter(pk=job.pk).update(
        started_at=timezone.now() - timedelta(minutes=12), estimated_seconds=90
    )
    client = client_of(job.organization)
    asked = facts_of(act(client, JOB, "cancel", job))
    assert asked["Tokens"] == f"{job.estimated_tokens:,} estimated; not known how many so far"
    assert asked["Cost"] == "$0.00 estimated; not known how much so far"
    assert re.fullmatch(r"0:12:\d\d so far; the whole: about 0:01:30 \(estimated\)", asked["Time"])
    newer, older = facts_of(act(client, JOB, "cancel", *FineTuneJob.objects.all())).values()
    assert newer.startswith("Status: Validating files; Examples: 54 to train on")
    assert older.startswith("Status: Succeeded; Examples: 27 to train on")
    assert f"Tokens: {FineTuneJob.objects.earliest('pk').trained_tokens:,} trained" in older
    assert "$0.00 actual" in older
    assert "(actual); the whole:" in older


def test_a_cancelled_job_keeps_its_dataset_while_the_provider_may_have_it() -> None:
    job = cancel_fine_tune(job=start(make_dataset()), by=SYSTEM, now=timezone.now())
    assert cancelled_words(job).endswith("is cancelled. Its dataset can be trained on again.")
    job.creation_unanswered_since = timezone.now()
    assert cancelled_words(job).endswith("its dataset can be trained on again once that is known.")
    job.status = "failed"
    assert cancelled_words(job) == f"Fine-tuning job {job.pk} was not cancelled, it ended by itself: failed."


def test_a_cancel_that_the_provider_only_takes_note_of(monkeypatch: pytest.MonkeyPatch) -> None:
    job = launch_fine_tune(job=start(make_dataset()), now=timezone.now())
    monkeypatch.setattr(OpenAIProvider, "cancel_job", OpenAIProvider.retrieve_job)  # it answers, and trains on
    said = text_of(act(client_of(job.organization), JOB, "cancel", job, confirmed="yes"))
    job.refresh_from_db()
    assert job.status == "validating_files"
    assert f"Fine-tuning job {job.pk}: its provider has taken note and is ending it." in said
    assert "Until then it goes on (validating files) and its dataset stays in use." in said
    assert "is cancelled" not in said


def test_activating_and_reverting() -> None:
    persona = make_persona()
    import_rows(persona, sentences(20, place="Faro"), split_pin="test")
    work(start(make_dataset(persona)))
    model = CustomModel.objects.get()
    client = client_of(persona.organization)
    unproved = text_of(act(client, MODEL, "activate", model))
    assert "Nothing proves yet" in unproved
    assert "not evaluated" in text_of(client.get(reverse(f"{MODEL}_changelist")))

    asked = text_of(act(client, MODEL, "evaluate", model))
    assert "60, none of them ever trained on" in asked
    assert "not known: no evaluation has measured it yet" in asked
    assert "The evaluation is running." in text_of(act(client, MODEL, "evaluate", model, confirmed="yes"))
    jobs.drain()
    evaluation = Evaluation.objects.get()
    shown = text_of(client.get(reverse("admin:custom_models_evaluation_change", args=[evaluation.pk])))
    assert "120 of 120" in shown
    assert "0.0 % → 100.0 %" in text_of(client.get(reverse("admin:custom_models_evaluation_changelist")))

    model.refresh_from_db()
    asked_proved = act(client, MODEL, "activate", model)
    proved = text_of(asked_proved)
    made = made_of(model)
    assert made.items() <= facts_of(asked_proved).items()
    assert facts_of(asked_proved)["Cost of an answer"] == "$0.00 (measured)"
    assert re.fullmatch(r"[\d,]+ ms \(measured\)", facts_of(asked_proved)["Time of an answer"])
    assert "100.0 % right of 60 (95 % interval 94.0-100.0 %)" in proved
    assert "Nothing proves" not in proved
    assert "overlap" not in proved
    assert live_model(persona=persona) is None
    activated = text_of(act(client, MODEL, "activate", model, confirmed="yes", reason="Proved"))
    assert "Custom model activated! Fallback: Recall 1 (embedded)." in activated
    assert live_model(persona=persona) == model
    assert model.activations.get().activated_reason == "Proved"
    assert "Proved" in text_of(client.get(reverse("admin:custom_models_activation_changelist")))

    given_up = facts_of(act(client, MODEL, "deactivate", model))
    assert given_up["Will answer"] == "the base model, Recall 1 (embedded)"
    assert made.items() <= given_up.items()
    assert given_up["This version"].startswith("100.0 % right of 60")
    assert given_up["Cost of an answer"] == "$0.00 (measured)"
    reverted = text_of(act(client, MODEL, "deactivate", model, confirmed="yes"))
    assert "Reverted to generic model: Recall 1 (embedded)." in reverted
    assert "is not active" in text_of(act(client, MODEL, "deactivate", model))
    assert live_model(persona=persona) is None


def made_of(model: CustomModel) -> dict[str, str]:
    """What the pages that ask about a version say of its training."""
    assert model.job
    return {
        "Examples": "27 trained on",
        "Tokens": f"{model.job.trained_tokens:,} trained (actual), {model.job.estimated_tokens:,} estimated",
        "Cost of training": "$0.00 (actual)",
        "Time of training": f"{took_words(model.training_duration_seconds or 0)} (actual)",
    }


@pytest.mark.parametrize("action", ["activate", "deactivate"])
def test_what_nobody_measured_is_said_to_be_unknown(action: str) -> None:
    model = make_model(make_persona())
    client = client_of(model.organization)
    if action == "deactivate":
        act(client, MODEL, "activate", model, confirmed="yes")
    facts = facts_of(act(client, MODEL, action, model))
    for label in ("Examples", "Tokens", "Cost of training", "Time of training"):
        assert facts[label] == "not known: it was trained elsewhere"
    for label in ("Cost of an answer", "Time of an answer"):
        assert facts[label] == "not known: no evaluation has measured it yet"


def test_a_base_model_without_a_price_costs_nobody_knows_what() -> None:
    dataset = make_dataset()
    dataset.persona.base_model.prices.all().delete()
    numbers = facts_of(client_of(dataset.organization).post(reverse(f"{JOB}_start"), answers(dataset)))
    assert numbers["Cost"] == "not known: Recall 1 (embedded) has no price in the catalogue"


def test_the_same_from_a_models_own_page() -> None:
    model = make_model(make_persona())
    client = client_of(model.organization)
    page = reverse(f"{MODEL}_change", args=[model.pk])
    url = reverse(f"{MODEL}_activate_this", args=[model.pk])
    assert url in text_of(client.get(page))
    assert "Activate" in text_of(client.get(url))
    assert "Custom model activated!" in text_of(client.post(url, {"confirmed": "yes"}, follow=True))
    assert "no test examples" in text_of(
        client.post(reverse(f"{MODEL}_evaluate_this", args=[model.pk]), {"confirmed": "yes"}, follow=True)
    )


def test_one_version_at_a_time() -> None:
    persona = make_persona()
    first, second = make_model(persona), make_model(persona, number=2)
    assert "Choose one version." in text_of(act(client_of(persona.organization), MODEL, "activate", first, second))


def test_strangers_and_viewers() -> None:
    job = start(make_dataset())
    model = make_model(job.persona)
    stranger, viewer = client_of(OrganizationFactory()), client_of(job.organization, role="viewer")
    assert str(job.persona) not in text_of(stranger.get(reverse(f"{JOB}_changelist")))
    act(stranger, MODEL, "activate", model, confirmed="yes")
    act(viewer, MODEL, "activate", model, confirmed="yes")
    act(stranger, JOB, "cancel", job, confirmed="yes")
    act(viewer, JOB, "cancel", job, confirmed="yes")
    assert live_model(persona=job.persona) is None
    assert FineTuneJob.objects.get().status == "preparing"
    for name, row in ((f"{MODEL}_activate_this", model), (f"{JOB}_cancel_this", job)):
        url = reverse(name, args=[row.pk])
        assert stranger.post(url, {"confirmed": "yes"}).status_code == 404
        assert viewer.post(url, {"confirmed": "yes"}).status_code == 403
    assert viewer.get(reverse(f"{JOB}_start")).status_code == 403
    assert text_of(viewer.get(reverse(f"{JOB}_change", args=[job.pk])))


def test_a_manager_here_and_viewer_there_changes_nothing_there() -> None:
    model = make_model(make_persona())
    user = UserFactory(is_staff=True)
    MembershipFactory(user=user, organization=model.organization, role="viewer")
    MembershipFactory(user=user, organization=OrganizationFactory(), role="owner")
    client = Client()
    client.force_login(user)
    act(client, MODEL, "activate", model, confirmed="yes")
    assert client.post(reverse(f"{MODEL}_activate_this", args=[model.pk]), {"confirmed": "yes"}).status_code == 404
    assert live_model(persona=model.persona) is None


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("page", "queries"), [(JOB, 7), (MODEL, 7)])
def test_lists_ask_the_same_few_questions(
    count: int, page: str, queries: int, django_assert_max_num_queries: Any
) -> None:
    persona = make_persona()
    for number in range(1, count + 1):
        make_model(persona, number=number)
        FineTuneJob.objects.filter(pk=start(make_dataset(persona, place=f"Town {number}")).pk).update(status="failed")
    client = client_of(None)
    with django_assert_max_num_queries(queries):
        client.get(reverse(f"{page}_changelist"))
