from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from apps.chat.models import Response
from apps.common.rotation import Rotation, encrypted_models, rotate_model
from apps.contributions.models import TrainingExample
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.feedback.models import ModelFeedback
from apps.providers.models import ProviderCredential
from tests.factories import NOW, PersonaFactory, ResponseFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def give_feedback(**texts: str) -> ModelFeedback:
    persona = PersonaFactory()
    answer = ResponseFactory(persona=persona)
    return ModelFeedback.objects.create(
        organization=persona.organization, response=answer, feedback_type="approved", given_by="system", **texts
    )


def stored(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")  # noqa: S608
        return [value for (value,) in cursor.fetchall()]


def run() -> list[str]:
    out = StringIO()
    call_command("rotate_encryption", stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def test_every_model_with_encrypted_fields_is_found() -> None:
    assert {TrainingExample, ModelFeedback, ProviderCredential, Response} <= set(encrypted_models())


def test_old_and_plain_values_end_up_under_the_newest_key_and_older_keys_can_go() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[]):
        TrainingExampleFactory(input={"text": "plain"})
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        TrainingExampleFactory(input={"text": "old"}, output={"code": "a"})
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        TrainingExampleFactory(input={"text": "new"})
        before = stored("ai_training_examples", "input")
        assert "contributions.TrainingExample: 3 rows, 3 values rewritten" in run()
        assert "contributions.TrainingExample: 3 rows, 0 values rewritten" in run()
        assert stored("ai_training_examples", "input")[2] == before[2]
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        examples = TrainingExample.objects.order_by("pk")
        assert [e.input["text"] for e in examples] == ["plain", "old", "new"]
        assert [e.output for e in examples] == [None, {"code": "a"}, None]
        assert all(value.startswith("fernet:") for value in stored("ai_training_examples", "input"))


def test_append_only_rows_are_encrypted_anew_and_stay_append_only() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        feedback = give_feedback(comment="fine", original="helo", edited="")
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        assert "feedback.ModelFeedback: 1 rows, 2 values rewritten" in run()
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        again = ModelFeedback.objects.get()
        assert (again.comment, again.original, again.edited) == ("fine", "helo", "")
        assert again.updated_at == feedback.updated_at


@pytest.mark.parametrize(
    "change",
    [
        "rating = 5",
        "given_by = 'somebody else'",
        "comment = 'another text, in plain'",
        "comment = ''",
        "edited = 'fernet:into an empty column'",
        "comment = 'fernet:x', rating = 5",
    ],
)
def test_nothing_but_a_cipher_text_in_the_place_of_a_text_may_change(change: str) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        give_feedback(comment="fine")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE model_feedback SET {change}")  # noqa: S608


def test_it_can_be_interrupted_and_started_again() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        for n in range(5):
            TrainingExampleFactory(input={"text": str(n)})

    def interrupt_after_two_batches(rotation: Rotation) -> None:
        if rotation.rows == 4:
            raise KeyboardInterrupt

    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        with pytest.raises(KeyboardInterrupt):
            rotate_model(TrainingExample, batch_size=2, on_progress=interrupt_after_two_batches)
        rest = rotate_model(TrainingExample, batch_size=2)
        assert (rest.rows, rest.rewritten) == (5, 1)
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert [e.input["text"] for e in TrainingExample.objects.order_by("pk")] == ["0", "1", "2", "3", "4"]


def test_values_that_no_key_fits_are_named_and_stop_nothing() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OTHER]):
        lost = TrainingExampleFactory()
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        TrainingExampleFactory(input={"text": "kept"})
    before = stored("ai_training_examples", "input")[0]
    with (
        override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]),
        pytest.raises(CommandError, match=f"TrainingExample input of row {lost.pk}"),
    ):
        run()
    assert stored("ai_training_examples", "input")[0] == before
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert TrainingExample.objects.latest("pk").input == {"text": "kept"}


def test_credentials_move_from_the_derived_key_to_the_first_real_one() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[]):
        ProviderCredential.objects.create(organization=PersonaFactory().organization, name="a", api_key="sk-1")
        with pytest.raises(CommandError, match="FIELD_ENCRYPTION_KEYS is empty"):
            run()
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert "providers.ProviderCredential: 1 rows, 1 values rewritten" in run()
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW], SECRET_KEY="another"):
        assert ProviderCredential.objects.get().api_key == "sk-1"


def test_the_lines_of_a_published_dataset_are_encrypted_anew_and_stay_frozen() -> None:
    example = TrainingExampleFactory()
    dataset = TrainingDataset.objects.create(organization=example.organization, persona=example.persona, name="d")
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        DatasetItem.objects.create(
            dataset=dataset, example=example, split="training", position=0, line="{}", line_sha256="a" * 64
        )
    TrainingDataset.objects.update(published_at=NOW, published_by="system")
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        assert "datasets.DatasetItem: 1 rows, 1 values rewritten" in run()
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert DatasetItem.objects.get().line == "{}"
    with pytest.raises(DatabaseError, match="frozen once published"), transaction.atomic():
        DatasetItem.objects.update(position=1)
