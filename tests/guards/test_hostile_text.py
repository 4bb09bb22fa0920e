"""Text that people and models write is shown as text, on every page: never as HTML, never as a template."""

from typing import Any

import pytest
from django.db import models
from pytest_django import Settings

from apps.common.fields import EncryptedTextField
from apps.common.guards import drop_guards
from apps.contributions.models import TrainingExample
from tests.factories import UserFactory
from tests.guards.house import House, furnish
from tests.guards.test_crawl import MARK, Caller, kept_models, questions, rows_of

pytestmark = pytest.mark.django_db
HOSTILE = "<script>x</script><img src=x onerror=y>\"'{{7|add:7}}{% now 'Y' %}=1"
KEPT = {
    "public_id", "slug", "provider", "status", "provider_job_id", "artifact", "account", "email", "reference",
    "password",
}  # fmt: skip


def written(model: type[models.Model]) -> list[str]:
    """The columns of free text."""
    return [
        field.name
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and (not isinstance(field, models.TextField) or type(field) in (models.TextField, EncryptedTextField))
        and not isinstance(field, models.SlugField | models.URLField | models.EmailField)
        and not (field.choices or field.unique or field.name in KEPT or field.name.endswith("_by"))
        and (field.max_length or 10**6) >= len(HOSTILE) + 10
    ]


def poison(house: House) -> int:
    """Put the text everywhere; the append-only tables too, so without their triggers. Returns how many rows."""
    drop_guards()
    rows = 0
    for model in [*kept_models(), type(house.tester.user)]:
        for pk in rows_of(house, model).values_list("pk", flat=True):
            texts = dict.fromkeys(written(model), f"{HOSTILE}{pk}")  # some are unique in an organization
            rows += model._default_manager.filter(pk=pk).update(**texts) if texts else 0
    for example in rows_of(house, TrainingExample):
        TrainingExample.objects.filter(pk=example.pk).update(input={"text": HOSTILE}, output={"code": HOSTILE})
    type(house.persona).objects.filter(pk=house.persona.pk).update(
        settings={"codes": [{"code": HOSTILE, "title": HOSTILE, "description": HOSTILE}] * 2}
    )
    type(house.response).objects.filter(pk=house.response.pk).update(
        messages=[{"role": HOSTILE, "content": HOSTILE}], tags={HOSTILE: HOSTILE}
    )
    return rows


def test_hostile_text_is_text_on_every_page(settings: Settings, tmp_path: Any) -> None:
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    house = furnish(MARK)
    assert poison(house) > 40
    superuser = Caller("superuser", UserFactory(is_staff=True, is_superuser=True))
    unescaped, shown = [], 0
    for caller in (superuser, Caller("tester", house.tester.user)):
        for route in questions(house):
            for url in route.urls if route.name.startswith(("/admin/", "/review/", "/earnings/")) else ():
                text = caller.ask("get", url)
                if "'application/json'" in text:
                    continue  # nobody's browser reads it as a page
                shown += "&lt;script&gt;" in text
                if "<script>x" in text or "<img src=x" in text or "14{%" in text:
                    unescaped.append(f"{caller.name}: {url}")
    assert unescaped == []
    assert shown > 60
