import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.datasets.models import TrainingDataset
from apps.organizations.enums import Role, Scope
from apps.personas.models import Persona
from tests.clients import key_client
from tests.datasets.world import accept, accept_many, build, publish
from tests.factories import MembershipFactory, OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db
URL = "/api/datasets/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


@pytest.fixture
def client(persona: Persona) -> APIClient:
    return key_client(persona.organization, Scope.READ, Scope.TRAIN)


def test_from_examples_to_a_file(client: APIClient, persona: Persona) -> None:
    accept_many(persona, 40)
    built = client.post(URL, {"persona": "coder", "name": "First", "maximum": 30, "min_quality_score": "0.5"})
    assert built.status_code == 201
    body = built.json()
    assert (body["status"], body["example_count"], body["training_count"], body["validation_count"]) == (
        "preparing", 30, 27, 3,
    )  # fmt: skip
    assert body["left_out"] == {"over_maximum": 10}
    assert body["persona"] == "coder"

    refused = client.post(f"{URL}{body['id']}/publish/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "approval_missing")
    leaving = client.get(f"{URL}{body['id']}/leaving/").json()
    assert (leaving["replaced"], len(leaving["lines"])) == ("nothing", 20)
    assert leaving["measured"][-1]["title"] == "All of them"
    assert client.post(f"{URL}{body['id']}/approve/", {"i_have_looked": False}).status_code == 400
    approved = client.post(f"{URL}{body['id']}/approve/", {"i_have_looked": True}).json()
    assert approved["approved_by"].startswith("API key fw_")
    again = client.post(f"{URL}{body['id']}/approve/", {"i_have_looked": True})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_approved")
    published = client.post(f"{URL}{body['id']}/publish/")
    assert published.status_code == 200
    assert published.json()["status"] == "ready"
    assert published.json()["published_by"].startswith("API key fw_")

    for split, name in (("train", "training"), ("validation", "validation")):
        answer = client.get(f"{URL}{body['id']}/file/", {"split": split})
        content = b"".join(answer.streaming_content)
        sha256 = published.json()[f"{name}_sha256"]
        assert hashlib.sha256(content).hexdigest() == sha256
        assert answer["ETag"] == f'"{sha256}"'
        assert answer["Content-Disposition"].startswith(f'attachment; filename="{name}-data-2')
        assert answer["Content-Type"] == "application/jsonl"


def test_a_file_that_the_caller_has_is_not_sent_again(client: APIClient, persona: Persona) -> None:
    accept_many(persona, 10)
    dataset = publish(build(persona))
    answer = client.get(f"{URL}{dataset.pk}/file/", HTTP_IF_NONE_MATCH=f'"{dataset.training_sha256}"')
    assert answer.status_code == 304
    assert answer["ETag"] == f'"{dataset.training_sha256}"'


def test_the_documented_defaults_are_used(client: APIClient, persona: Persona) -> None:
    accept(persona)
    dataset = TrainingDataset.objects.get(pk=client.post(URL, {"persona": "coder", "name": "D"}).json()["id"])
    assert (str(dataset.min_quality_score), dataset.training_params["maximum"], dataset.seed) == ("0.700", 1000, 1)
    assert (dataset.include_persona, dataset.include_platform_context) == (True, False)


def test_no_maximum_at_all(client: APIClient, persona: Persona) -> None:
    accept(persona)
    answer = client.post(URL, {"persona": "coder", "name": "All", "maximum": None})
    assert TrainingDataset.objects.get(pk=answer.json()["id"]).training_params["maximum"] is None


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({}, 400, "invalid", "persona"),
        ({"persona": "coder"}, 400, "invalid", "name"),
        ({"persona": "coder", "name": "x" * 201}, 400, "invalid", "name"),
        ({"persona": "coder", "name": "D", "min_quality_score": 1.5}, 400, "invalid", "min_quality_score"),
        ({"persona": "coder", "name": "D", "maximum": 0}, 400, "invalid", "maximum"),
        ({"persona": "coder", "name": "D", "seed": -1}, 400, "invalid", "seed"),
        ({"persona": "nobody", "name": "D"}, 404, "persona_not_found", "persona"),
        ({"persona": "coder", "name": "D"}, 400, "insufficient_data", None),
    ],
)
def test_bad_input(client: APIClient, body: dict[str, Any], status: int, code: str, param: str | None) -> None:
    answer = client.post(URL, body)
    assert answer.status_code == status
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)
    assert not TrainingDataset.objects.exists()


def test_too_few_examples_and_publishing_twice(client: APIClient, persona: Persona) -> None:
    accept_many(persona, 9)
    small = build(persona)
    client.post(f"{URL}{small.pk}/approve/", {"i_have_looked": True})
    answer = client.post(f"{URL}{small.pk}/publish/")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Need at least 10 examples. Current: 9")
    assert client.get(f"{URL}{small.pk}/file/").json()["error"]["code"] == "not_published"

    accept(persona)
    dataset = publish(build(persona))
    answer = client.post(f"{URL}{dataset.pk}/publish/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_published")
    assert client.get(f"{URL}{dataset.pk}/file/", {"split": "test"}).json()["error"]["param"] == "split"


def test_another_organization_sees_and_touches_nothing(persona: Persona) -> None:
    accept_many(persona, 10)
    dataset, draft = publish(build(persona)), build(persona)
    stranger = key_client(OrganizationFactory(), Scope.READ, Scope.TRAIN)
    assert stranger.get(URL).json()["results"] == []
    assert stranger.get(f"{URL}{dataset.pk}/").status_code == 404
    assert stranger.get(f"{URL}{dataset.pk}/file/").status_code == 404
    assert stranger.post(f"{URL}{draft.pk}/publish/").status_code == 404
    assert stranger.post(URL, {"persona": "coder", "name": "Theirs"}).status_code == 404
    assert key_client(persona.organization, Scope.READ).get(f"{URL}{dataset.pk}/").status_code == 200


def test_scopes_and_roles(persona: Persona) -> None:
    accept_many(persona, 10)
    draft = build(persona)
    reader = key_client(persona.organization, Scope.READ)
    assert reader.get(URL).status_code == 200
    assert reader.post(f"{URL}{draft.pk}/publish/").status_code == 403
    assert reader.post(URL, {"persona": "coder", "name": "D"}).status_code == 403
    assert key_client(persona.organization, Scope.TRAIN).get(URL).status_code == 403
    assert APIClient().get(URL).status_code == 401

    viewer = APIClient()
    viewer.force_login(MembershipFactory(organization=persona.organization, role=Role.VIEWER).user)
    assert viewer.get(f"{URL}{draft.pk}/").status_code == 200
    assert viewer.post(f"{URL}{draft.pk}/publish/").status_code == 403


def test_nothing_of_a_published_dataset_can_be_written(client: APIClient, persona: Persona) -> None:
    accept_many(persona, 10)
    dataset = publish(build(persona))
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(f"{URL}{dataset.pk}/", {"name": "Other"}).status_code == 405


def test_a_list_takes_the_same_queries_for_one_and_three(client: APIClient, persona: Persona) -> None:
    accept_many(persona, 10)
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            build(persona)
        client.get(URL)
        with CaptureQueriesContext(connection) as queries:
            results = client.get(URL).json()["results"]
        counts.append((len(results), len(queries)))
    assert counts == [(1, 2), (3, 2)]
