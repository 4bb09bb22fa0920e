"""Every page, with the content of one turn of the wheel, on a phone and on a desktop."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.contributions.models import Label, Tester, TrainingExample
from apps.contributions.services import invite_tester
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.custom_models.services import start_fine_tune
from apps.datasets.models import TrainingDataset
from apps.datasets.services import approve_and_publish_dataset, build_dataset
from apps.organizations.models import User
from apps.payouts.models import Share
from apps.personas.models import Persona, PromptVersion
from apps.personas.services import add_prompt_version
from tests.browser.conftest import WIDTHS, Visitor

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = ["/", "/accounts/login/", "/accounts/signup/", "/api/docs/", "/admin/login/"]


def _admin_pages() -> Iterator[str]:
    """The front page, every list, the newest row of each, and every form that adds one."""
    yield "/admin/"
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        yield base
        newest = model._default_manager.order_by("-pk").first()
        if newest is not None:
            yield f"{base}{newest.pk}/change/"


FORMS = [
    "personas_persona_add", "personas_promptversion_add", "contributions_tester_add", "organizations_apikey_add",
    "abtests_abtest_add", "providers_modelprice_add", "providers_providercredential_add",
    "contributions_label_quality", "contributions_trainingexample_import_file",
    "contributions_trainingexample_create_synthetic", "contributions_trainingexample_collection",
    "contributions_trainingexample_find_duplicates", "contributions_trainingexample_resolve_next",
    "contributions_referenceanswer_import_file", "contributions_upload_upload_file", "contributions_protectedname_add",
    "contributions_withdrawal_take_everything_back", "contributions_duplicatesearch_search",
]  # fmt: skip


def _persona() -> Persona:
    return Persona.objects.get(slug="bank-question-coder")


def _pages_that_ask() -> Iterator[str]:
    """What stands between a button and what it does."""
    yield from (reverse(f"admin:{name}") for name in FORMS)
    persona, model = _persona(), CustomModel.objects.get()
    draft, ready = TrainingDataset.objects.filter(published_at=None).get(), TrainingDataset.objects.get(name="Ready")
    prompt, example = PromptVersion.objects.latest("pk"), TrainingExample.objects.filter(labels=None).latest("pk")
    chosen = {"dataset": ready.pk, "base_model": persona.base_model_id}
    yield reverse("admin:datasets_trainingdataset_build", query={"persona": persona.pk})
    yield reverse("admin:custom_models_finetunejob_start", query=chosen)
    for name, row in [
        ("datasets_trainingdataset_publish_this", draft), ("datasets_trainingdataset_export_this", ready),
        ("custom_models_finetunejob_cancel_this", FineTuneJob.objects.latest("pk")),
        ("custom_models_custommodel_activate_this", model), ("custom_models_custommodel_deactivate_this", model),
        ("custom_models_custommodel_evaluate_this", model), ("personas_promptversion_activate_this", prompt),
        ("contributions_trainingexample_resolve_this", example), ("contributions_trainingexample_reject_this", example),
        ("contributions_tester_pause_this", Tester.objects.earliest("pk")),
    ]:  # fmt: skip
        yield reverse(f"admin:{name}", args=[row.pk])


def _leave_work() -> None:
    """Beside the turn: a draft, a dataset to train on, a job that is open, a prompt that waits, a tester to come."""
    persona, staff, now = _persona(), User.objects.get(email="admin@example.org"), timezone.now()
    build_dataset(persona=persona, name="Draft", by=staff, now=now)
    ready, training = (build_dataset(persona=persona, name=name, by=staff, now=now) for name in ("Ready", "Training"))
    approve_and_publish_dataset(dataset=ready, by=staff, now=now)
    dataset = approve_and_publish_dataset(dataset=training, by=staff, now=now)
    start_fine_tune(dataset=dataset, base_model=persona.base_model, by=staff, now=now)
    add_prompt_version(persona=persona, system_prompt="Be brief.\n\nBe kind.", by=staff)
    invite_tester(organization=persona.organization, email="dora@example.org", display_name="Dora", by=SYSTEM)


def _look_around(visitor: Callable[[str], Visitor], window: str) -> list[str]:
    anybody = visitor(window)
    for path in PUBLIC:
        anybody.visit(path)

    tester = visitor(window)
    tester.sign_in(User.objects.get(email="ada@example.org"))
    share = Share.objects.filter(tester__user__email="ada@example.org").latest("pk")
    personas = Persona.objects.of_organization(share.organization).order_by("pk")
    desks = [reverse("review_desk", args=[share.organization.slug, persona.slug]) for persona in personas]
    consent = reverse("review_consent", args=[share.organization.slug])
    for path in ["/", "/review/", *desks, consent, "/your-data/", "/earnings/", f"/earnings/shares/{share.pk}/"]:
        tester.visit(path)

    newcomer = visitor(window)
    newcomer.sign_in(User.objects.get(email="dora@example.org"))
    for path in ["/review/", "/earnings/"]:
        newcomer.visit(path)

    staff = visitor(window)
    staff.sign_in(User.objects.get(email="admin@example.org"))
    for path in [*_admin_pages(), *_pages_that_ask()]:
        staff.visit(path)
    return [*anybody.problems, *tester.problems, *newcomer.problems, *staff.problems]


@pytest.mark.slow
def test_every_page_can_be_looked_at(visitor: Callable[[str], Visitor]) -> None:
    call_command("demo", "--json")
    _leave_work()
    assert Label.objects.exists()
    problems = [problem for window in WIDTHS for problem in _look_around(visitor, window)]
    assert "\n".join(problems) == ""
