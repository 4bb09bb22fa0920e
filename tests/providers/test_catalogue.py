import io
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from pytest_django import Settings

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, NotFound
from apps.common.models import AuditEvent
from apps.providers.models import BaseModel, ModelPrice
from apps.providers.queries import answer_prices, is_shut_down, price_on, system_base_model
from apps.providers.services import add_price, load_catalogue
from tests.factories import NOW, BaseModelFactory

pytestmark = pytest.mark.django_db


def test_loading_twice_changes_nothing() -> None:
    assert load_catalogue(by=SYSTEM, now=NOW) == 12
    before = list(ModelPrice.objects.values()), list(BaseModel.objects.values())
    assert load_catalogue(by=SYSTEM, now=NOW) == 0
    assert (list(ModelPrice.objects.values()), list(BaseModel.objects.values())) == before


def test_loading_keeps_what_staff_corrected() -> None:
    load_catalogue(by=SYSTEM, now=NOW)
    mini = BaseModel.objects.get(name="gpt-4o-mini-2024-07-18")
    BaseModel.objects.filter(pk=mini.pk).update(shutdown_date=date(2027, 6, 1))
    add_price(base_model=mini, valid_from=date(2026, 12, 1), micros={"training": 4_000_000}, by=SYSTEM)
    load_catalogue(by=SYSTEM, now=NOW)
    mini.refresh_from_db()
    assert mini.shutdown_date == date(2027, 6, 1)
    assert mini.prices.count() == 2


def test_the_documented_prices() -> None:
    load_catalogue(by=SYSTEM, now=NOW)
    training = {
        model.name: model.prices.get().training / 1_000_000
        for model in BaseModel.objects.exclude(name="recall-1").prefetch_related("prices")
    }
    assert training == {
        "gpt-4.1-2025-04-14": 25,
        "gpt-4.1-mini-2025-04-14": 5,
        "gpt-4o-2024-08-06": 25,
        "gpt-4o-mini-2024-07-18": 3,
        "gpt-3.5-turbo-0125": 8,
    }
    assert set(BaseModel.objects.for_training().values_list("name", flat=True)) == {
        "recall-1",
        "gpt-4.1-2025-04-14",
        "gpt-4.1-mini-2025-04-14",
        "gpt-4o-2024-08-06",
        "gpt-4o-mini-2024-07-18",
    }


def test_a_price_is_closed_and_replaced() -> None:
    model = BaseModelFactory()
    old = add_price(base_model=model, valid_from=date(2026, 1, 1), micros={"training": 25_000_000}, by=SYSTEM)
    new = add_price(base_model=model, valid_from=date(2026, 7, 1), micros={"training": 20_000_000}, by=SYSTEM)
    old.refresh_from_db()
    assert (old.valid_to, old.training) == (date(2026, 7, 1), 25_000_000)
    assert price_on(base_model=model, day=date(2025, 12, 31)) is None
    assert price_on(base_model=model, day=date(2026, 6, 30)) == old
    assert price_on(base_model=model, day=date(2026, 7, 1)) == new
    assert AuditEvent.objects.filter(verb="set_price").count() == 2


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2025, 1, 1)])
def test_the_past_has_its_price_already(day: date) -> None:
    model = BaseModelFactory()
    add_price(base_model=model, valid_from=date(2026, 1, 1), micros={}, by=SYSTEM)
    with pytest.raises(Conflict, match="already has a price"):
        add_price(base_model=model, valid_from=day, micros={}, by=SYSTEM)
    assert model.prices.count() == 1


def test_the_command_adds_what_is_missing() -> None:
    first, again = io.StringIO(), io.StringIO()
    call_command("load_catalogue", stdout=first)
    assert BaseModel.objects.filter(name="recall-1").exists()
    assert first.getvalue() != "0 base models and prices added.\n"
    call_command("load_catalogue", stdout=again)
    assert again.getvalue() == "0 base models and prices added.\n"


def test_what_an_answer_cost() -> None:
    load_catalogue(by=SYSTEM, now=NOW)
    model = BaseModel.objects.get(name="gpt-4o-2024-08-06")
    base, tuned = (answer_prices(base_model=model, tuned=tuned, day=NOW.date()) for tuned in (False, True))
    assert base.cost_of(prompt=1000, cached=400, completion=100) == 600 * 2.5 + 400 * 1.25 + 100 * 10
    assert tuned.cost_of(prompt=1000, cached=400, completion=100) == 600 * 3.75 + 400 * 1.875 + 100 * 15
    assert base.cost_of(prompt=1000, cached=4000, completion=0) == 1000 * 1.25  # more cached than there was
    unknown = answer_prices(base_model=BaseModelFactory(), tuned=True, day=NOW.date())
    assert unknown.cost_of(prompt=1000, cached=400, completion=100) == 0


def test_the_default_base_model(settings: Settings) -> None:
    with pytest.raises(NotFound):
        system_base_model()
    load_catalogue(by=SYSTEM, now=NOW)
    assert system_base_model().name == "recall-1"
    settings.OPENAI_API_KEY = "sk-1"
    assert system_base_model().name == "gpt-4o-mini-2024-07-18"


def test_a_model_is_gone_from_its_announced_day_on() -> None:
    end = date(2027, 1, 14)
    days = [end - timedelta(days=1), end, end + timedelta(days=1)]
    assert [is_shut_down(end, day=day) for day in days] == [False, True, True]
    assert not is_shut_down(None, day=end)
