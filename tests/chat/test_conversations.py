from typing import Any

import openai
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chat.models import Conversation, Response
from apps.organizations.enums import Scope
from tests.chat.conftest import Home, token_of
from tests.factories import OrganizationFactory, PersonaFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]

ASK: Any = [{"role": "user", "content": "My card is gone"}]


def _ask(home: Home, reference: str, *, model: str = "coder", token: str | None = None) -> str:
    answer = home.sdk(token).chat.completions.create(
        model=model, messages=ASK, metadata={"conversation_id": reference}, user="u1"
    )
    return answer.id


def test_answers_under_one_reference_are_one_conversation(home: Home) -> None:
    ids = [_ask(home, "c1"), _ask(home, "c1"), _ask(home, "c2")]

    conversation = Conversation.objects.get(reference="c1")
    listed = home.client().get("/api/conversations/").json()["results"]
    detail = home.client().get(f"/api/conversations/{conversation.pk}/").json()
    assert [item["reference"] for item in listed] == ["c2", "c1"]
    assert (detail["persona"], detail["unit"]) == ("coder", "u1")
    assert [response["response_id"] for response in detail["responses"]] == [ids[1], ids[0]]
    assert detail["responses"][0]["messages"] == ASK
    assert detail["responses"][0]["output"] == "hello"
    by_reference = home.client().get("/api/conversations/?reference=c2").json()["results"]
    assert [item["reference"] for item in by_reference] == ["c2"]


def test_all_answers_of_a_conversation_page_by_page(home: Home) -> None:
    ids = [_ask(home, "c1") for _ in range(3)]
    conversation = Conversation.objects.get()
    client = home.client()

    page = client.get(f"/api/conversations/{conversation.pk}/responses/?page_size=2").json()
    assert [response["response_id"] for response in page["results"]] == [ids[2], ids[1]]
    rest = client.get(page["next"]).json()
    assert [response["response_id"] for response in rest["results"]] == [ids[0]]
    assert rest["next"] is None


def test_the_same_reference_in_another_organization_is_another_conversation(home: Home) -> None:
    other = OrganizationFactory()
    PersonaFactory(organization=other, slug="coder", base_model=home.base_model)
    _ask(home, "c1")
    _ask(home, "c1", token=token_of(other))

    assert Conversation.objects.filter(reference="c1").count() == 2


def test_a_conversation_belongs_to_one_persona(home: Home) -> None:
    PersonaFactory(organization=home.organization, slug="second", base_model=home.base_model)
    _ask(home, "c1")
    with pytest.raises(openai.BadRequestError) as raised:
        _ask(home, "c1", model="second")

    assert raised.value.code == "other_personas_conversation"
    assert Response.objects.count() == 1


def test_strangers_and_keys_without_the_scope_see_nothing(home: Home) -> None:
    _ask(home, "c1")
    pk = Conversation.objects.get().pk
    stranger = home.client(token_of(OrganizationFactory()))
    for path in (f"/api/conversations/{pk}/", f"/api/conversations/{pk}/responses/"):
        assert stranger.get(path).status_code == 404
        assert home.client(token_of(home.organization, Scope.CHAT)).get(path).status_code == 403
        assert home.client().get(path).status_code == 200
        assert home.client().post(path, {}).status_code in {403, 405}
    assert stranger.get("/api/conversations/").json()["results"] == []


@pytest.mark.parametrize("path", ["/api/conversations/", "/api/conversations/{pk}/responses/"])
def test_a_list_costs_the_same_for_one_row_and_three(home: Home, path: str) -> None:
    counts = []
    for rows in (1, 2):
        for n in range(rows):
            _ask(home, f"c{rows}{n}" if path == "/api/conversations/" else "c")
        with CaptureQueriesContext(connection) as queries:
            home.client().get(path.format(pk=Conversation.objects.first().pk))  # type: ignore[union-attr]
        counts.append(len(queries))
    assert counts[0] == counts[1]
