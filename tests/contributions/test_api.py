from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.contributions.models import TrainingExample
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.clients import key_client
from tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    PersonaFactory,
    TesterFactory,
    TrainingExampleFactory,
)

pytestmark = pytest.mark.django_db
URL = "/api/examples/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder")
    return persona


@pytest.fixture
def client(persona: Persona) -> APIClient:
    return key_client(persona.organization, Scope.READ, Scope.CONTRIBUTE)


def _new(**fields: Any) -> dict[str, Any]:
    return {"persona": "coder", "input": {"text": "Where is my card?"}, **fields}


def test_one_example_is_created_once(client: APIClient, persona: Persona) -> None:
    response = client.post(URL, _new(client_id="a-1", output={"code": "lost_card"}))
    assert response.status_code == 201
    example = TrainingExample.objects.get()
    assert response.json() == {"results": [{"status": "created", "id": example.pk, "client_id": "a-1", "error": None}]}
    assert (example.persona, example.status, example.contributed_by[:10]) == (persona, "awaiting_labels", "API key fw")
    again = client.post(URL, _new(client_id="a-1", input={"text": "Changed"}))
    assert (again.status_code, again.json()["results"][0]["status"]) == (200, "exists")
    same = client.post(URL, _new())
    assert (same.status_code, same.json()["results"][0]["id"]) == (200, example.pk)
    assert TrainingExample.objects.count() == 1


def test_a_list_has_a_result_for_each_item(client: APIClient) -> None:
    response = client.post(
        URL, [_new(client_id="1"), _new(input={"text": ""}), "nonsense", {"persona": "coder"}, _new(persona="none")]
    )
    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["created", *["rejected"] * 4]
    assert [result["error"]["param"] for result in results[1:]] == ["text", None, "input", "persona"]
    assert all(result["error"]["message"] for result in results[1:])


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (_new(input={"text": 5}), 400, "text"),
        (_new(input="text"), 400, "input"),
        (_new(kind="roast"), 400, "kind"),
        (_new(kind="nonsense"), 400, "kind"),
        (_new(persona="none"), 404, "persona"),
        (_new(client_id="x" * 101), 400, "client_id"),
        ("text", 400, None),
        ([_new()] * 501, 413, None),
    ],
)
def test_a_wrong_example_is_a_clear_error(client: APIClient, body: Any, status: int, param: str | None) -> None:
    response = client.post(URL, body, format="json")
    assert response.status_code == status
    assert response.json()["error"]["param"] == param
    assert not TrainingExample.objects.exists()


def test_what_the_server_decides_cannot_be_sent(client: APIClient) -> None:
    client.post(
        URL,
        _new(
            status="accepted", accepted_label={"code": "lost_card"}, organization=99, quality_score=1, split_pin="train"
        ),
    )
    example = TrainingExample.objects.get()
    assert (example.status, example.accepted_label, example.quality_score) == ("awaiting_labels", None, 0)
    assert example.split_pin == ""


def test_the_list_shows_the_organizations_examples_newest_first(client: APIClient, persona: Persona) -> None:
    TrainingExampleFactory()  # a stranger's
    old, new = TrainingExampleFactory.create_batch(2, persona=persona)
    body = client.get(URL).json()
    assert [row["id"] for row in body["results"]] == [new.pk, old.pk]
    assert (body["results"][0]["persona"], body["results"][0]["input"]) == ("coder", new.input)


def test_pages_follow_each_other(client: APIClient, persona: Persona) -> None:
    examples = TrainingExampleFactory.create_batch(5, persona=persona)
    page = client.get(URL, {"page_size": 2}).json()
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == [example.pk for example in reversed(examples)]


@pytest.mark.parametrize(
    "wanted", [{"persona": "coder"}, {"status": "disputed"}, {"kind": "roast"}, {"source": "chat"}]
)
def test_the_list_is_filtered(client: APIClient, persona: Persona, wanted: dict[str, str]) -> None:
    other = PersonaFactory(slug="other", organization=persona.organization)
    TrainingExampleFactory(persona=other, kind="survey_answer", source="import")
    chosen = TrainingExampleFactory(persona=persona, status="disputed", kind="roast", source="chat")
    assert [row["id"] for row in client.get(URL, wanted).json()["results"]] == [chosen.pk]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "nonsense"},
        {"organization_id": "1"},
        {"persona__organization__slug": "x"},
        {"contributed_by__startswith": "a"},
        {"status__in": "accepted"},
    ],
)
def test_nothing_else_is_a_filter(client: APIClient, query: dict[str, str]) -> None:
    response = client.get(URL, query)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_an_example_is_read_by_its_own_organization(client: APIClient, persona: Persona) -> None:
    own, strangers = TrainingExampleFactory(persona=persona), TrainingExampleFactory()
    assert client.get(f"{URL}{own.pk}/").json()["id"] == own.pk
    assert client.get(f"{URL}{strangers.pk}/").status_code == 404
    assert client.post(URL, _new(persona=strangers.persona.slug)).status_code == 404


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [([Scope.READ], 200, 403), ([Scope.CONTRIBUTE], 403, 201), ([Scope.CHAT, Scope.TRAIN], 403, 403)],
)
def test_keys_do_what_their_scopes_say(persona: Persona, scopes: list[Scope], reads: int, writes: int) -> None:
    client = key_client(persona.organization, *scopes)
    assert client.get(URL).status_code == reads
    assert client.post(URL, _new()).status_code == writes


def test_who_is_neither_key_nor_member_is_refused(persona: Persona) -> None:
    assert APIClient().get(URL).status_code == 401
    client = APIClient()
    client.force_login(TesterFactory(organization=persona.organization).user)
    assert client.get(URL).status_code == 403
    client.force_login(MembershipFactory(organization=persona.organization, role="viewer").user)
    assert client.get(URL).status_code == 200
    assert client.post(URL, _new()).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long_it_is(
    client: APIClient, persona: Persona, rows: int, django_assert_num_queries: Any
) -> None:
    TrainingExampleFactory.create_batch(rows, persona=persona)
    client.get(URL)  # the key's last use of the day is noted once
    with django_assert_num_queries(2):
        client.get(URL)


@pytest.mark.parametrize("rows", [1, 3])
def test_personas_are_listed_for_their_organization(
    client: APIClient, persona: Persona, rows: int, django_assert_num_queries: Any
) -> None:
    PersonaFactory(organization=OrganizationFactory())
    PersonaFactory.create_batch(rows - 1, organization=persona.organization)
    client.get("/api/personas/")
    with django_assert_num_queries(2):
        body = client.get("/api/personas/").json()
    assert len(body["results"]) == rows
    assert body["results"][-1]["slug"] == "coder"


def test_a_persona_is_read_by_its_slug(client: APIClient) -> None:
    body = client.get("/api/personas/coder/").json()
    assert (body["task"], body["base_model"], body["currency"]) == ("survey_coding", "recall-1", "EUR")
    assert "settings" not in body
    assert client.get(f"/api/personas/{PersonaFactory().slug}/").status_code == 404
    assert client.post("/api/personas/", {}).status_code in (403, 405)
