from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.common.embedded import mint_trainer_key
from apps.custom_models.models import FineTuneJob
from apps.organizations.models import Organization
from tests.custom_models.world import make_dataset, start
from tests.faults import FaultProxy


@pytest.fixture
def proxy(live_server: LiveServer) -> Iterator[FaultProxy]:
    """A fault proxy before the trainer, served over real sockets."""
    with FaultProxy(upstream=live_server.url) as running:
        yield running


@pytest.fixture
def through_proxy(proxy: FaultProxy, settings: Settings) -> Callable[[Organization], None]:
    """Let the installation's provider be the trainer behind the proxy, for one organization."""

    def use(organization: Organization) -> None:
        settings.OPENAI_BASE_URL = f"{proxy.url}/trainer/v1"
        settings.OPENAI_API_KEY = mint_trainer_key(account=organization.slug)

    return use


@pytest.fixture
def job(through_proxy: Callable[[Organization], None]) -> FineTuneJob:
    """Started, and not launched yet; its provider is behind the fault proxy."""
    dataset = make_dataset()
    through_proxy(dataset.organization)
    return start(dataset)
