from typing import Any

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _files_of_their_own(settings: Settings, tmp_path: Any) -> None:
    files = {"BACKEND": "apps.common.crypto.storage.SealedStorage", "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
