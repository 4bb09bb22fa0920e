from io import StringIO
from typing import Any

import openai
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.common.embedded import read_trainer_account
from apps.trainer.models import TrainerJob
from tests.factories import UserFactory
from tests.trainer.conftest import Connect, train

pytestmark = pytest.mark.django_db
LISTS = ["trainerfile", "trainerjob", "trainermodel"]


@pytest.fixture
def client(connect: Connect) -> openai.OpenAI:
    return connect("acme")


def signed_in(**rights: bool) -> Client:
    browser = Client()
    browser.force_login(UserFactory(is_staff=True, **rights), backend="django.contrib.auth.backends.ModelBackend")
    return browser


def test_superusers_look_and_touch_nothing(client: openai.OpenAI, examples: list[dict[str, Any]]) -> None:
    job = train(client, examples, metadata={"run": "1"})
    browser = signed_in(is_superuser=True)
    for name in LISTS:
        page = browser.get(f"/admin/trainer/{name}/")
        assert page.status_code == 200
        assert b"acme" in page.content
        assert browser.get(f"/admin/trainer/{name}/add/").status_code == 403
    from_list = browser.get(f"/admin/trainer/trainerjob/?q={job.id}")
    assert job.id.encode() in from_list.content
    detail = browser.get(f"/admin/trainer/trainerjob/{_pk(job.id)}/change/")
    assert b"The job has successfully completed" in detail.content
    assert b'name="_save"' not in detail.content


def test_staff_of_an_organization_do_not_see_it() -> None:
    browser = signed_in(is_superuser=False)
    for name in LISTS:
        assert browser.get(f"/admin/trainer/{name}/").status_code == 403


def test_a_key_for_outside_clients_is_printed() -> None:
    out = StringIO()
    call_command("trainer_key", "acme", stdout=out)
    assert read_trainer_account(key=out.getvalue().strip()) == "acme"
    with pytest.raises(CommandError, match=r"is not the slug of an account\. Did you mean 'acme-gmbh'\?"):
        call_command("trainer_key", "Acme GmbH")
    with pytest.raises(CommandError, match="'' is not the slug of an account"):
        call_command("trainer_key", "")


def _pk(job_id: str) -> int:
    return TrainerJob.objects.get(public_id=job_id).pk
