"""Payloads at rest: with a key set, nothing that people wrote is readable in the database."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django import Settings

from apps.common.audit import SYSTEM
from apps.contributions.formats import ImportRow
from apps.contributions.models import Label, TrainingExample
from apps.contributions.queries.searching import find_examples
from apps.contributions.services import ImportResult, import_examples, submit_label
from tests.clients import staff_client
from tests.factories import NOW, PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db


def _stored(table: str, *columns: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - names written here
        return [value for row in cursor.fetchall() for value in row]


def test_payloads_are_encrypted_when_a_key_is_set(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    persona = PersonaFactory()
    rows = [ImportRow(2, "My card is gone"), ImportRow(3, "My card is gone")]
    assert import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW) == ImportResult(created=1, duplicates=1)
    tester = TesterFactory(organization=persona.organization)
    submit_label(tester=tester, example=TrainingExample.objects.get(), payload={"code": "lost_card"}, now=NOW)
    stored = _stored("ai_training_examples", "input", "accepted_label") + _stored("contributions_label", "payload")
    assert [value[:7] for value in stored] == ["fernet:"] * 3
    example = TrainingExample.objects.get()
    assert (example.input, example.accepted_label) == ({"text": "My card is gone"}, {"code": "lost_card"})
    assert Label.objects.get().payload == {"code": "lost_card"}


@pytest.mark.parametrize("keys", [[], [Fernet.generate_key().decode()]])
@pytest.mark.parametrize(
    "looked_for",
    ["My card is gone", "  My card is gone ", '{"text": "My card is gone"}', "q-1", "resp_1", "conv-1", "<pk>"],
)
def test_examples_are_found_as_a_whole_though_they_are_encrypted(
    settings: Settings, keys: list[str], looked_for: str
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys
    persona = PersonaFactory()
    import_examples(persona=persona, rows=[ImportRow(2, "My card is gone"), ImportRow(3, "Gone")], by=SYSTEM, now=NOW)
    wanted = TrainingExample.objects.order_by("pk")[0]
    TrainingExample.objects.filter(pk=wanted.pk).update(
        client_id="q-1", response_id="resp_1", conversation_ref="conv-1"
    )
    examples = TrainingExample.objects.filter(persona=persona)
    assert list(find_examples(examples=examples, words=looked_for.replace("<pk>", str(wanted.pk)))) == [wanted]
    assert list(find_examples(examples=examples, words="card")) == []
    stranger = TrainingExample.objects.filter(persona=PersonaFactory())
    assert list(find_examples(examples=stranger, words=looked_for)) == []


def test_the_list_of_examples_is_searched_by_it() -> None:
    persona = PersonaFactory()
    import_examples(persona=persona, rows=[ImportRow(2, "My card is gone"), ImportRow(3, "Gone")], by=SYSTEM, now=NOW)
    page = staff_client(persona.organization).get("/admin/contributions/trainingexample/", {"q": "My card is gone"})
    assert page.context["cl"].result_count == 1
