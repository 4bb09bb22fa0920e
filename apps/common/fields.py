"""Model fields whose values are encrypted at rest. They cannot be filtered by; store a `content_hash` beside them."""

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.common.crypto import decrypt, encrypt


class EncryptedTextField(models.TextField[str, str]):
    """Text. With ``always=True`` it is encrypted even where no key is set (credentials)."""

    def __init__(self, *args: Any, always: bool = False, **kwargs: Any) -> None:
        self.always = always
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.always:
            kwargs["always"] = True
        return name, path, args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value, always=self.always) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        return decrypt(value) if value else value


class EncryptedJSONField(models.TextField[Any, Any]):
    """Any JSON value, stored as one text."""

    _pyi_private_set_type: Any  # what the type checker's plugin takes the attribute's type from
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return encrypt(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else json.loads(decrypt(value))

    def value_to_string(self, obj: models.Model) -> Any:
        return self.value_from_object(obj)

    def to_python(self, value: Any) -> Any:
        return value
