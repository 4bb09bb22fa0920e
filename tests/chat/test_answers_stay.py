"""An answer is the middle link between a person and their money: once it is written, the database keeps it."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, transaction
from django.test import override_settings

from apps.chat.models import Response
from apps.common.rotation import rotate_model
from tests.factories import CustomModelFactory, ResponseFactory

pytestmark = pytest.mark.django_db
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.mark.parametrize(
    "change",
    [
        {"custom_model": None},
        {"price_micros": 0},
        {"share_rate": "0.1"},
        {"customer": "somebody else"},
        {"tags": {"kind": "another"}},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"output": "something else"},
        {"output": ""},
        {"messages": []},
    ],
)
def test_nothing_changes_an_answer(change: dict[str, Any]) -> None:
    version = CustomModelFactory()
    response = ResponseFactory(persona=version.persona, custom_model=version, price_micros=5, customer="acme")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Response.objects.filter(pk=response.pk).update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Response.objects.filter(pk=response.pk)._raw_delete("default")
    again = Response.objects.get()
    assert all(getattr(again, name) == getattr(response, name) for name in change)


def test_its_texts_are_encrypted_anew_by_key_rotation() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        response = ResponseFactory(output="hello", tags={"a": "b"}, first_token_ms=1.5)
        ResponseFactory(output="")
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        assert rotate_model(Response).rewritten == 3
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW]):
        assert list(Response.objects.order_by("pk").values_list("output", flat=True)) == ["hello", ""]
        assert Response.objects.get(pk=response.pk).messages == response.messages
