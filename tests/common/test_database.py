from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, close_old_connections, connection, transaction
from pytest_django import Settings

from apps.common.database import connection_kept_open, insert_rows
from apps.common.models import AuditEvent, Heartbeat
from apps.contributions.models import TrainingExample
from tests.factories import NOW, PersonaFactory, TrainingExampleFactory


@pytest.mark.django_db(transaction=True)
def test_a_transaction_survives_a_unit_of_work_inside_it() -> None:
    with transaction.atomic():
        Heartbeat.objects.create(name="worker", at=NOW)
        with connection_kept_open():
            close_old_connections()
            with connection_kept_open():
                close_old_connections()
            close_old_connections()
    assert Heartbeat.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_it_the_transaction_is_lost() -> None:
    """So that the test above proves something."""
    with pytest.raises(Exception, match="closed"), transaction.atomic():  # noqa: PT012  the last line raises
        Heartbeat.objects.create(name="worker", at=NOW)
        close_old_connections()
        Heartbeat.objects.count()
    connection.close()
    assert Heartbeat.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_afterwards_connections_are_closed_as_ever() -> None:
    Heartbeat.objects.count()
    with pytest.raises(ValueError, match="inside"), connection_kept_open():
        raise ValueError("inside")
    connection.close_at = 0.0
    close_old_connections()
    assert connection.connection is None


# --- many rows at once ------------------------------------------------------------------------------------------------


def _events(*names: str) -> list[AuditEvent]:
    return [
        AuditEvent(actor="tab\there", verb="line\nbreak", object_type="\\N", object_id=name, data={"ü": [None, 1.5]})
        for name in names
    ]


@pytest.mark.django_db
def test_rows_are_inserted_as_they_are_and_know_their_ids() -> None:
    before = AuditEvent.objects.create(verb="first")
    events = _events("a", "b", "c")
    insert_rows(events)
    stored = list(AuditEvent.objects.filter(pk__gt=before.pk).order_by("pk"))
    assert [(event.pk, event.object_id) for event in stored] == [(event.pk, event.object_id) for event in events]
    assert [(event.actor, event.verb, event.object_type, event.data) for event in stored] == [
        ("tab\there", "line\nbreak", "\\N", {"ü": [None, 1.5]})
    ] * 3
    assert {event._state.adding for event in events} == {False}
    assert AuditEvent.objects.create(verb="last").pk > stored[-1].pk  # the sequence has moved on


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 300])
def test_many_rows_take_two_statements(count: int, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # ids, rows
        insert_rows(_events(*map(str, range(count))))
    with django_assert_num_queries(0):
        insert_rows([])


@pytest.mark.django_db
def test_what_a_constraint_refuses_leaves_nothing() -> None:
    twice = [Heartbeat(name="one", at=NOW), Heartbeat(name="one", at=NOW)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(twice)
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
def test_columns_are_encrypted_row_by_row(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    examples = [TrainingExampleFactory.build(persona=None, organization=None, input={"text": "same"}) for _ in range(2)]
    persona = PersonaFactory()
    for example in examples:
        example.persona, example.organization = persona, persona.organization
    insert_rows(examples)
    with connection.cursor() as cursor:
        cursor.execute("SELECT input FROM ai_training_examples")
        stored = [value for (value,) in cursor.fetchall()]
    assert len(set(stored)) == 2  # never equal, though what they say is
    assert all(value.startswith("fernet:") for value in stored)
    assert [example.input for example in TrainingExample.objects.all()] == [{"text": "same"}] * 2


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a setting of SQLite's")
def test_what_is_deleted_does_not_lie_on_in_the_file() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone() == (1,)
