import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection, models
from django.test import override_settings

from apps.common.crypto import CannotDecrypt, decrypt, encrypt, is_current
from apps.common.fields import EncryptedJSONField, EncryptedTextField
from apps.contributions.models import TrainingExample
from apps.providers.models import ProviderCredential
from tests.factories import OrganizationFactory, TrainingExampleFactory

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
TEXTS = ["a", "with ümlauts and 😀", "fernet:looks encrypted", '"json"', "\ud800 half a pair", "x" * 100_000]


@pytest.fixture(params=[[], [NEW], [NEW, OLD]], ids=["no key", "one key", "two keys"])
def keys(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    with override_settings(FIELD_ENCRYPTION_KEYS=request.param):
        yield request.param


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("always", [True, False])
def test_what_was_encrypted_reads_again(keys: list[str], text: str, always: bool) -> None:
    stored = encrypt(text, always=always)
    assert decrypt(stored) == text
    looks_encrypted = text.startswith("fernet:")
    assert (stored == text) == (not keys and not always and not looks_encrypted)
    assert is_current(stored, always=always) or (looks_encrypted and not keys)


def test_the_first_key_writes_and_every_key_reads() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        before = encrypt("secret")
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        assert decrypt(before) == "secret"
        assert not is_current(before)
        after = encrypt("secret")
        assert is_current(after)
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert decrypt(after) == "secret"
        with pytest.raises(CannotDecrypt, match="Put the key it was written with back"):
            decrypt(before)


def test_plain_values_from_before_the_first_key_still_read() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert decrypt("written without a key") == "written without a key"
        assert not is_current("written without a key")


def test_credentials_are_encrypted_without_any_key_and_survive_a_new_secret_key() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[], SECRET_KEY="one"):
        stored = encrypt("sk-123", always=True)
    assert "sk-123" not in stored
    with override_settings(FIELD_ENCRYPTION_KEYS=[], SECRET_KEY="two", SECRET_KEY_FALLBACKS=["one"]):
        assert decrypt(stored) == "sk-123"
    with override_settings(FIELD_ENCRYPTION_KEYS=[], SECRET_KEY="two"), pytest.raises(CannotDecrypt):
        decrypt(stored)


def stored_column(row: models.Model, column: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {row._meta.db_table} WHERE id = %s", [row.pk])  # noqa: S608
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize("value", [{"text": "hello"}, {}, [], 0, False, "text", {"deep": [{"ü": None}]}])
def test_a_json_field_keeps_any_json(keys: list[str], value: Any) -> None:
    example = TrainingExampleFactory(input=value)
    assert TrainingExample.objects.get(pk=example.pk).input == value
    stored = stored_column(example, "input")
    assert stored.startswith("fernet:") if keys else json.loads(stored) == value


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_null_is_null_in_the_database() -> None:
    example = TrainingExampleFactory(output=None)
    assert stored_column(example, "output") is None
    assert TrainingExample.objects.filter(output=None).count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_a_text_field_and_its_empty_value() -> None:
    credential = ProviderCredential.objects.create(organization=OrganizationFactory(), name="a", api_key="sk-secret")
    assert ProviderCredential.objects.get().api_key == "sk-secret"
    assert "sk-secret" not in stored_column(credential, "api_key")
    ProviderCredential.objects.update(api_key="")
    assert stored_column(credential, "api_key") == ""


@pytest.mark.django_db
@pytest.mark.usefixtures("keys")
def test_fixtures_carry_the_values_and_not_the_cipher_texts() -> None:
    TrainingExampleFactory(input={"text": "hello"})
    dumped = serializers.serialize("json", TrainingExample.objects.all())
    assert json.loads(dumped)[0]["fields"]["input"] == {"text": "hello"}
    [again] = serializers.deserialize("json", dumped)
    assert again.object.input == {"text": "hello"}


def test_migrations_remember_only_what_matters() -> None:
    assert EncryptedTextField(always=True).deconstruct()[3] == {"always": True}
    assert EncryptedTextField().deconstruct()[3] == {}
    assert EncryptedJSONField(null=True).deconstruct()[1] == "apps.common.fields.EncryptedJSONField"
