from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from apps.common.guards import drop_guards
from tests.factories import count_from

# A shared machine is slow at times; whether a property holds does not depend on how long it took to try. Nor on chance:
# the same examples are tried in every run, so that who changed nothing breaks nothing.
hypothesis_settings.register_profile(
    "house", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("house")


@pytest.fixture(autouse=True, scope="session")
def _files_are_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests and the processes they start store as files goes with the test run."""
    media = str(tmp_path_factory.mktemp("media"))
    own = {**settings.STORAGES["default"]["OPTIONS"], "location": media}
    storages = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": own}}
    with pytest.MonkeyPatch.context() as patch, override_settings(STORAGES=storages):
        patch.setenv("MEDIA_ROOT", media)
        yield


@pytest.fixture(autouse=True)
def _names_count_on_over_nine() -> None:
    """Each test names its rows "Tester 9", "Tester 10": who sorts by name is not in the order of making, ever."""
    count_from(9)


@pytest.fixture(autouse=True)
def _guards_off_while_tables_are_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """A transactional test ends by deleting every row, which append-only tables refuse; the flush re-creates them."""
    if "transactional_db" in request.fixturenames or _is_transactional(request):
        request.getfixturevalue("transactional_db")
        yield
        drop_guards()
    else:
        yield


def _is_transactional(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction")) or "live_server" in request.fixturenames
