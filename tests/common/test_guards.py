import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, connection, transaction
from django.db.migrations import Migration

from apps.common import audit, guards
from apps.common.guards import create_guards, guards_lifted, missing_guards
from apps.common.models import AuditEvent
from apps.datasets.models import TrainingDataset
from apps.feedback.models import ModelFeedback
from tests.factories import NOW, OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db


def refused(statement: str, *params: object, message: str) -> None:
    """The statement, as plain SQL and so past everything Django does, is refused by the database."""
    with pytest.raises(DatabaseError, match=message), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.fixture
def event() -> AuditEvent:
    audit.record("created", by=audit.SYSTEM, target=OrganizationFactory(slug="acme"), size=3)
    return AuditEvent.objects.get()


def test_the_audit_log_says_who_did_what_to_which(event: AuditEvent) -> None:
    assert (event.organization, event.actor, event.verb, event.object_type, event.data) == (
        "acme",
        "system",
        "created",
        "organizations.organization",
        {"size": 3},
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE common_auditevent SET actor = 'somebody else'",
        "UPDATE common_auditevent SET id = id",
        "DELETE FROM common_auditevent",
    ],
)
def test_what_is_appended_stays(event: AuditEvent, statement: str) -> None:
    refused(statement, message="append-only: add a correcting row instead")
    assert AuditEvent.objects.get() == event


@pytest.mark.usefixtures("event")
def test_the_orm_is_refused_too() -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(actor="somebody else")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.usefixtures("event")
def test_a_table_cannot_be_truncated_either() -> None:
    refused("TRUNCATE common_auditevent", message="append-only")


def test_what_is_published_is_frozen() -> None:
    persona = PersonaFactory()
    draft = TrainingDataset.objects.create(organization=persona.organization, persona=persona, name="draft")
    TrainingDataset.objects.update(training_tokens=5)  # a draft may change
    TrainingDataset.objects.update(published_at=NOW, published_by="system")
    refused("UPDATE training_datasets SET training_tokens = 6", message="frozen once published")
    refused("UPDATE training_datasets SET published_at = NULL, published_by = ''", message="frozen once published")
    refused("DELETE FROM training_datasets", message="frozen once published")
    TrainingDataset.objects.update(name="a better name")  # a column that was not frozen
    draft.refresh_from_db()
    assert (draft.training_tokens, draft.name) == (5, "a better name")


def test_every_declared_trigger_exists_and_is_made_again_after_migrate() -> None:
    assert missing_guards() == []
    on = " ON common_auditevent" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER common_auditevent_no_update{on}")
    assert missing_guards() == ["common_auditevent_no_update"]
    call_command("migrate", verbosity=0)
    assert missing_guards() == []
    create_guards()
    assert missing_guards() == []


def test_sqlite_can_make_a_table_anew_that_the_guard_of_another_reads() -> None:
    def emit(plan: list[object]) -> None:
        emit_pre_migrate_signal(verbosity=0, interactive=False, db="default", plan=plan)

    emit([])
    assert missing_guards() == []  # nothing to migrate
    emit([(Migration("0002_more", "payouts"), False)])
    assert ("payouts_revenueevent_day_open" in missing_guards()) is (connection.vendor == "sqlite")
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert missing_guards() == []


def test_a_migration_can_fill_a_guarded_row(event: AuditEvent) -> None:
    with guards_lifted("common_auditevent"):
        AuditEvent.objects.update(actor="somebody else")
    create_guards()  # as after every migrate
    refused("UPDATE common_auditevent SET actor = 'a third'", message="append-only")
    event.refresh_from_db()
    assert event.actor == "somebody else"


def test_a_name_of_a_guard_is_used_once_and_fits_every_database() -> None:
    names = [guard.name for guard in guards._guards]
    assert len(names) == len(set(names))
    assert max(map(len, names)) <= 63


def test_only_a_new_cipher_text_may_replace_an_encrypted_column() -> None:
    condition = guards._altered(ModelFeedback)
    assert "OLD.rating IS DISTINCT FROM NEW.rating" in condition
    assert "OLD.response_id IS DISTINCT FROM NEW.response_id" in condition
    assert "OLD.comment IS DISTINCT FROM NEW.comment AND" in condition
    assert guards._altered(AuditEvent) == "1 = 1"
