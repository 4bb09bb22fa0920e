"""Two organizations, every caller, every route, ids swapped: nothing of the other one is told, nothing of it changes.

Each claim has its control: the same requests, made by those who may, tell the mark and change the rows. Where a route
has nothing to tell or to change, it is listed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils.regex_helper import normalize
from pytest_django import Settings

from apps.common.audit import SYSTEM
from apps.contributions.views import WORDING_ID
from apps.organizations.enums import Role
from apps.organizations.models import User
from apps.organizations.services import add_member
from tests.factories import UserFactory
from tests.forms import filled
from tests.guards.house import House, furnish
from tests.guards.project import our_models
from tests.guards.test_models import organization_path, tenant_models
from tests.guards.test_routes import walk

pytestmark = pytest.mark.django_db
MARK = "zqxkjv"  # long enough to be in no random id


# --- the cast ---------------------------------------------------------------------------------------------------------


@dataclass
class Caller:
    """Who asks: a browser that somebody is signed in to, or a program with a key."""

    name: str
    user: User | None = None
    token: str = ""
    client: Client = field(init=False)
    status: int = field(init=False, default=0)  # of the last answer

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else None
        self.client = Client(headers=headers, raise_request_exception=False)
        if self.user:
            self.client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")

    def ask(self, method: str, url: str, **kwargs: Any) -> str:
        """The answer as text, its headers included, without what the request itself said."""
        response = getattr(self.client, method)(url, **kwargs)
        self.status = response.status_code
        assert response.status_code < 500 or url == "/readyz", f"{self.name}: {method} {url} {response.status_code}"
        content = b"".join(response.streaming_content) if response.streaming else response.content
        text = f"{response.headers} {content.decode(errors='replace')}"
        for said in re.split(r"[/?&=]", unquote(url)):
            text = text.replace(said, "") if MARK in said else text
        return text


def callers_of(house: House) -> list[Caller]:
    return [
        Caller("tester", house.tester.user),
        Caller("viewer", house.viewer),
        Caller("manager", house.manager),
        Caller("key", token=house.token),
        Caller("trainer key", token=house.trainer_key),
    ]


@pytest.fixture
def other(settings: Settings, tmp_path: Path) -> House:
    """The organization that nobody may learn of."""
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    return furnish(MARK)


@pytest.fixture
def superuser() -> Caller:
    return Caller("superuser", UserFactory(is_staff=True, is_superuser=True))


@pytest.fixture
def outsiders() -> list[Caller]:
    """Everybody with any rights elsewhere, and those without any."""
    return [Caller("anonymous"), Caller("stranger", UserFactory(is_staff=True)), *callers_of(furnish("own"))]


@pytest.fixture
def guest(other: House) -> Caller:
    """A manager elsewhere who may look at this organization, and touch nothing."""
    user = UserFactory(email="guest@example.org", is_staff=True)
    add_member(organization=furnish("second").organization, user=user, role=Role.MANAGER, by=SYSTEM)
    add_member(organization=other.organization, user=user, role=Role.VIEWER, by=SYSTEM)
    return Caller("guest", user)


# --- its rows and routes ----------------------------------------------------------------------------------------------


def kept_models() -> list[type[models.Model]]:
    return [*tenant_models(), *(m for m in our_models() if m._meta.app_label == "trainer")]


def rows_of(house: House, model: type[models.Model]) -> "models.QuerySet[Any]":
    """The house's rows of a model; of an installation-wide one, all there are."""
    label, rows = model._meta.label, model._default_manager.order_by("pk")
    if model in tenant_models():
        return rows.filter(**{organization_path(model): house.organization})
    if label in ("trainer.TrainerJobTag", "trainer.TrainerJobEvent"):
        return rows.filter(job__account=house.organization.slug)
    if model._meta.app_label == "trainer":
        return rows.filter(account=house.organization.slug)
    if label == "common.AuditEvent":
        return rows.filter(organization=house.organization.slug)
    if label == "organizations.Organization":
        return rows.filter(pk=house.organization.pk)
    if label == "organizations.User":
        return rows.filter(email__startswith=house.mark)
    return rows


def test_the_house_has_a_row_of_every_table(other: House) -> None:
    assert [model._meta.label for model in kept_models() if not rows_of(other, model).exists()] == []


def snapshot(house: House) -> dict[str, list[Any]]:
    everything = [
        *kept_models(),
        *(apps.get_model(label) for label in ("common.AuditEvent", "organizations.Organization")),
    ]
    return {model._meta.label: list(rows_of(house, model).values()) for model in everything}


def changed(before: dict[str, list[Any]], house: House) -> list[str]:
    return [label for label, rows in snapshot(house).items() if rows != before[label]]


@dataclass(frozen=True)
class Route:
    name: str
    urls: list[str]  # with the house's ids; one for each of its rows


def routes(house: House) -> Iterator[Route]:
    for regex, pattern in walk(get_resolver()):
        template, names = normalize(regex.replace(r"\Z", "$"))[0]
        values = [ids(house, name, template, pattern) for name in names]
        urls = ["/" + template % dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
        yield Route(f"/{template}", urls)


def ids(house: House, name: str, template: str, pattern: URLPattern) -> list[Any]:
    """What a parameter of a route may be, in this house. A new parameter needs a line here."""
    known: dict[str, list[Any]] = {
        "organization": [house.organization.slug],
        "persona": [house.persona.slug],
        "slug": [house.persona.slug],
        "model": [house.persona.slug],
        "example": [example.pk for example in house.examples.values()],
        "file_id": [house.file.public_id],
        "job_id": [house.trainer_job.public_id],
        "name": [house.trainer_model.public_id],
        "checkpoint": [house.trainer_model.public_id],
        "permission_id": ["1"],
        "rest": [house.file.public_id],
        "app_label": ["contributions"],
        "content_type_id": [ContentType.objects.get_for_model(type(house.persona)).pk],
        "url": ["nothing"],
        "upload": list(rows_of(house, apps.get_model("contributions.Upload")).values_list("pk", flat=True)),
    }
    if name in known:
        return known[name]
    rows = rows_of(house, model_of(template, pattern))
    return list(rows.values_list("pk", flat=True)) or [1]


def model_of(template: str, pattern: URLPattern) -> type[models.Model]:
    if template.startswith("admin/r/"):
        return apps.get_model("personas.Persona")
    if template.startswith("admin/"):
        return apps.get_model(*template.split("/")[1:3])
    by_path = {"earnings/shares/": "payouts.Share", "api/conversations/": "chat.Conversation"}
    label = next((label for start, label in by_path.items() if template.startswith(start)), "")
    model: type[models.Model] = apps.get_model(label) if label else pattern.callback.cls.queryset.model  # type: ignore[attr-defined]
    return model


def questions(house: House) -> Iterator[Route]:
    """What can be asked: every route, and the lists with the filters that name this house."""
    for route in routes(house):
        yield route
        if route.name.startswith("/api/"):
            yield Route(
                f"{route.name}?organization", [f"{url}?organization={house.organization.slug}" for url in route.urls]
            )
        if re.fullmatch(r"/admin/\w+/\w+/", route.name):
            yield Route(f"{route.name}?q", [f"{url}?q={MARK[:4]}" for url in route.urls])
    yield Route("/admin/search/?s", [f"/admin/search/?s={MARK[:4]}"])
    for model in our_models():
        for link in model._meta.local_fields:
            if link.is_relation:
                names = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={link.name}"
                yield Route("/admin/autocomplete/?field", [f"/admin/autocomplete/?term=&{names}"])


# --- nothing is told --------------------------------------------------------------------------------------------------


def test_nobody_is_told_of_another_organization(other: House, outsiders: list[Caller]) -> None:
    told = [
        f"{caller.name}: {url}"
        for caller in outsiders
        for route in questions(other)
        for url in route.urls
        if MARK in caller.ask("get", url)
    ]
    assert told == []


# What even its own people learn nothing from, by what it is.
SILENT = {
    "operation": r"/(healthz|readyz|metrics|api/docs/|api/schema/)?",
    "signing in": r"/(accounts/.*|admin/(login|logout|password_change/done)/)",
    "the installation's own": r"/admin/(axes|django_q)/.*|/(admin/providers|api)/(base-?model|modelprice)s?/.*",
    "filters that are not ours": r".*\?organization|/admin/(search/(\?s)?|autocomplete/.*|\w+/\w+/\?q)",
    "forms for what does not exist yet": r"/admin/\w+/\w+/add/",
    "nothing is deleted, and rows have their log": r"/admin/\w+/\w+/%\(object_id\)s/(delete|history)/",
    "redirects": r"/admin/(\w+/\w+/|r/%\(content_type_id\)s/)%\(object_id\)s/|/admin/(jsi18n/|%\(url\)s)|"
    r"/admin/contributions/(upload/%\(object_id\)s/prompt|trainingexample/duplicates)/",
    "posts": r".*/(activate|deactivate|evaluate|publish|build|train|cancel|runs|pause|resume|skip|completions|"
    r"approve|withdraw|report|undo|diff|resolve|retry|original|speaker)/?",
    "a post": r"/review/%\(organization\)s/%\(persona\)s/%\(example\)s/",
    "always empty": r"/trainer/v1/fine_tuning/.*(checkpoints|permissions).*",
    "nothing there": r"/(trainer/)?v1/(%\(rest\)s)?",
}
FILTERS_THAT_TELL = {"/admin/personas/persona/?q", "/admin/contributions/tester/?q", "/api/examples/?organization"}


def test_something_could_have_been_told(other: House, superuser: Caller) -> None:
    own = [superuser, *callers_of(other)]
    asked: dict[str, bool] = {}
    for route in questions(other):
        if not asked.get(route.name):
            asked[route.name] = any(MARK in caller.ask("get", url) for caller in own for url in route.urls)
    silent = {name for name, told in asked.items() if not told}
    known = {name for name in silent for pattern in SILENT.values() if re.fullmatch(pattern, name)}
    assert silent - known == set()
    assert silent & FILTERS_THAT_TELL == set()


# --- nothing changes --------------------------------------------------------------------------------------------------


def bodies(house: House) -> Iterator[dict[str, Any]]:
    """What the API's and the protocol's endpoints take, all of it about this house. Each takes what it knows."""
    yield {"persona": house.persona.slug, "input": {"text": "planted"}}
    yield {"persona": house.persona.slug, "name": "planted", "min_quality_score": "0"}
    yield {"input": {"text": "planted"}}
    yield {"response_id": house.response.public_id, "type": "rejected"}
    yield {"dataset": house.published.pk}
    yield {"reason": "planted"}
    yield {"i_have_looked": True}
    yield {"speaker": f"{house.mark} speaker"}
    yield {"model": house.persona.slug, "messages": [{"role": "user", "content": "planted"}]}
    yield {"model": "recall-1", "training_file": house.file.public_id}


PAGES = ("/review/", "/your-data/")  # what testers post to


def program_requests(house: House) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(route, method, url, body)"""
    for route in routes(house):
        if route.name.startswith(("/api/", "/v1/", "/trainer/v1/", *PAGES)):
            for url, body in product(route.urls, bodies(house)):
                yield route.name, "post", url, body
            for url, method in product(route.urls, ("put", "patch", "delete")):
                yield route.name, method, url, {"name": "planted", "reason": "planted"}


def send(caller: Caller, method: str, url: str, body: dict[str, Any]) -> None:
    form = {"code": "lost_card", "wording_id": WORDING_ID, "confirmation": "delete my data", "reason": "other"}
    if url.startswith(PAGES):
        caller.ask(method, url, **({"data": form} if method == "post" else {}))
    else:
        caller.ask(method, url, data=body, content_type="application/json")


def test_no_program_and_no_page_of_another_organization_changes_anything(other: House, outsiders: list[Caller]) -> None:
    before = snapshot(other)
    for caller in outsiders:
        for _, method, url, body in program_requests(other):
            send(caller, method, url, body)
        assert changed(before, other) == [], caller.name


def program_for(house: House, url: str) -> Caller:
    """Who of the house may do the most there."""
    if url.startswith(PAGES):
        return Caller("tester", house.tester.user)
    return Caller("program", token=house.trainer_key if url.startswith("/trainer/") else house.token)


def test_its_own_people_do_change_it(other: House) -> None:
    program_for(other, "/api/").ask("get", "/api/personas/")  # a key notes the day of its use
    before, changing = snapshot(other), set()
    for name, method, url, body in program_requests(other):
        if name not in changing and method in ("post", "delete"):
            with transaction.atomic():
                send(caller := program_for(other, url), method, url, body)
                if caller.status < 400 and changed(before, other):
                    changing.add(name)
                transaction.set_rollback(True)
    assert changing == {
        "/api/custom-models/%(pk)s/activate/",
        "/api/custom-models/%(pk)s/deactivate/",
        "/api/custom-models/%(pk)s/evaluate/",
        "/api/datasets/",
        "/api/datasets/%(pk)s/approve/",
        "/api/examples/",
        "/api/examples/%(pk)s/withdraw/",
        "/api/feedback/",
        "/api/fine-tuning-jobs/%(pk)s/cancel/",
        "/api/personas/%(slug)s/runs/",
        "/api/uploads/%(pk)s/speaker/",
        "/review/%(organization)s/",
        "/review/%(organization)s/%(persona)s/%(example)s/",
        "/review/%(organization)s/%(persona)s/%(example)s/skip/",
        "/review/%(organization)s/%(persona)s/%(example)s/report/",
        "/review/%(organization)s/%(persona)s/%(example)s/undo/",
        "/trainer/v1/files/%(file_id)s",
        "/trainer/v1/fine_tuning/jobs",
        "/trainer/v1/fine_tuning/jobs/%(job_id)s/cancel",
        "/trainer/v1/fine_tuning/jobs/%(job_id)s/pause",
        "/trainer/v1/models/%(name)s",
        "/v1/chat/completions",
        "/your-data/%(organization)s/",
    }


# --- nor in the admin -------------------------------------------------------------------------------------------------


def admin_requests(house: House) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every action on every row, from the list and from the row's page, confirmed; (action, url, form)."""
    speaker = f"{house.mark} speaker"
    answers = {"confirmed": "yes", "reason": "planted", "act": "reject", "index": 0, "speaker": speaker}
    for model, one in site._registry.items():
        if model not in kept_models():
            continue
        start = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
        rows = list(rows_of(house, model).values_list("pk", flat=True))
        for name, pk in product([*(one.actions or ()), "delete_selected"], rows):
            yield name, f"{start}/", {**answers, "action": [name], "_selected_action": [pk], "post": "yes"}
        for name, pk in product(getattr(one, "actions_detail", None) or (), rows):
            yield name, f"{start}/{pk}/{getattr(one, name).url_path}/", answers
        for pk in rows:
            yield "delete", f"{start}/{pk}/delete/", {"post": "yes"}


def test_no_action_of_the_admin_reaches_another_organization(
    other: House, outsiders: list[Caller], guest: Caller
) -> None:
    before = snapshot(other)
    for caller in (*outsiders, guest, Caller("its viewer", other.viewer), Caller("its tester", other.tester.user)):
        for _, url, form in admin_requests(other):
            caller.ask("post", url, data=form)
        assert changed(before, other) == [], caller.name


def test_a_manager_does_change_it_by_actions(other: House) -> None:
    manager, before, changing = Caller("manager", other.manager), snapshot(other), set()
    for name, url, form in admin_requests(other):
        if (name := name.removesuffix("_this")) not in changing:
            with transaction.atomic():
                manager.ask("post", url, data=form)
                if changed(before, other):
                    changing.add(name)
                transaction.set_rollback(True)
    assert changing == {
        "activate", "cancel", "choose_speaker", "deactivate", "evaluate", "mark_gold", "pause", "reject", "resolve",
        "revoke", "start", "stop_protecting", "switch_off", "take_back", "write_prompt",
    }  # fmt: skip


def change_pages(house: House) -> Iterator[str]:
    for model in site._registry:
        if model in kept_models() or model is type(house.organization):
            for pk in rows_of(house, model).values_list("pk", flat=True):
                yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/{pk}/change/"


def edited(page: Any) -> dict[str, Any]:
    texts = ("name", "notes", "guidelines", "user_message", "display_name")
    return {**filled(page), **dict.fromkeys(texts, "planted"), "every_n_feedback": 7, "_save": "Save"}


def test_no_form_of_the_admin_reaches_another_organization(
    other: House, outsiders: list[Caller], guest: Caller, superuser: Caller
) -> None:
    forms = {url: edited(superuser.client.get(url)) for url in change_pages(other)}
    before = snapshot(other)
    for caller in (*outsiders, guest, Caller("its viewer", other.viewer), Caller("its tester", other.tester.user)):
        for url, form in forms.items():
            caller.ask("post", url, data=form)
        assert changed(before, other) == [], caller.name
    for url, form in forms.items():
        Caller("manager", other.manager).ask("post", url, data=form)
    assert set(changed(before, other)) == {
        "common.AuditEvent", "feedback.RetrainingPolicy", "organizations.Organization", "personas.FewShotExample",
        "personas.Persona", "providers.ProviderCredential",
    }  # fmt: skip


class SentAgain(ContentFile[bytes]):
    """A file that is there in full for each caller who sends it."""

    def read(self, *args: Any) -> bytes:
        self.seek(0)
        return bytes(super().read(*args))


def test_nothing_can_be_added_to_another_organization(other: House, outsiders: list[Caller], guest: Caller) -> None:
    forms = {
        "organizations/apikey": {"organization": other.organization.pk, "name": "planted", "scopes": ["chat"]},
        "personas/persona": {
            "organization": other.organization.pk, "name": "planted", "slug": "planted", "task": "survey_coding",
            "base_model": other.persona.base_model.pk, "settings": json.dumps(other.persona.settings),
            "price_per_run_micros": 1, "currency": "EUR", "revenue_share_rate": "0.3",
        },
        "personas/promptversion": {"persona": other.persona.pk, "system_prompt": "planted", "notes": "planted"},
        "personas/fewshotexample": {
            "persona": other.persona.pk, "position": 0, "pattern_type": "statement", "user_message": "planted",
            "assistant_message": "planted",
        },
        "contributions/tester": {
            "organization": other.organization.pk, "email": "planted@example.org", "display_name": "planted",
        },
        "contributions/protectedname": {"organization": other.organization.pk, "kind": "person", "value": "planted"},
        "providers/providercredential": {
            "organization": other.organization.pk, "provider": "openai", "name": "planted", "new_key": "sk-1",
        },
        "abtests/abtest": {
            "persona": other.persona.pk, "name": "planted", "first": "", "second": other.model.pk,
            "second_weight": 50, "duration_days": 7,
        },
        "contributions/trainingexample/import": {
            "persona": other.persona.pk, "file": SentAgain(b"text\nplanted\n", name="planted.csv"),
        },
        "datasets/trainingdataset/build": {
            "persona": other.persona.pk, "name": "planted", "min_quality_score": "0", "step": "build",
        },
    }  # fmt: skip
    before = snapshot(other)
    urls = {
        f"/admin/{path}/" if path.endswith(("build", "import")) else f"/admin/{path}/add/": form
        for path, form in forms.items()
    }
    for caller in (*outsiders, guest, Caller("its viewer", other.viewer), Caller("its tester", other.tester.user)):
        for url, form in urls.items():
            caller.ask("post", url, data=form)
        assert changed(before, other) == [], caller.name
    for url, form in urls.items():
        assert changed(before, other) == []
        with transaction.atomic():
            Caller("manager", other.manager).ask("post", url, data=form)
            assert changed(before, other) != [] or url.endswith("build/"), url
            transaction.set_rollback(True)
