"""The page where testers see, take along and delete what is stored about them."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.contributions.enums import TesterStatus
from apps.contributions.models import GoldAnswer, Label, Skip, Tester, Withdrawal
from apps.contributions.services import erase_withdrawal, submit_label
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory
from tests.payouts.world import account_of, credit, make_payout

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def tester(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(
        organization=persona.organization, display_name="Ada", payout_details={"iban": "DE1"}
    )
    return tester


def signed_in(tester: Tester) -> Client:
    client = Client()
    client.force_login(tester.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page_of(tester: Tester) -> str:
    return f"/your-data/{tester.organization.slug}/"


def say(tester: Tester, persona: Persona, text: str = "Where is my card?") -> Label:
    example = TrainingExampleFactory(persona=persona, input={"text": text})
    return submit_label(tester=tester, example=example, payload={"code": "lost_card"}, now=NOW)


def download(tester: Tester) -> dict[str, Any]:
    answer = signed_in(tester).get(f"{page_of(tester)}download/")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    loaded: dict[str, Any] = json.loads(answer.getvalue())
    return loaded


def test_the_download_holds_everything_about_the_tester_and_nobody_else(persona: Persona, tester: Tester) -> None:
    other = TesterFactory(organization=persona.organization, display_name="Bob")
    mine, theirs = say(tester, persona), say(other, persona)
    own = {"organization": persona.organization, "tester": tester, "example": mine.example}
    GoldAnswer.objects.create(**own, payload={"code": "exchange_rate"}, score=0.5)
    Skip.objects.create(**own, reason="other", note="My own note")
    question = TrainingExampleFactory(persona=persona, contributed_by=tester.user.email, input={"text": "I ask"})
    account_of(tester)
    credit(tester, 5_000_000)
    make_payout(tester, 2_000_000)
    data = download(tester)
    assert list(data) == [
        "made_at", "profile", "labels", "gold_answers", "skips", "questions", "contributions", "withdrawals", "shares",
        "transfers", "payouts",
    ]  # fmt: skip
    assert (data["profile"]["email"], data["profile"]["payout_details"]) == (tester.user.email, {"iban": "DE1"})
    assert [(row["example"], row["label"]) for row in data["labels"]] == [(mine.example_id, {"code": "lost_card"})]
    assert [row["answer"] for row in data["gold_answers"]] == [{"code": "exchange_rate"}]
    assert [row["note"] for row in data["skips"]] == ["My own note"]
    assert [(row["example"], row["question"]) for row in data["questions"]] == [(question.pk, {"text": "I ask"})]
    assert [row["training_tests_completed"] for row in data["contributions"]] == [1]
    assert [(row["amount_micros"], row["received"]) for row in data["transfers"]] == [(5_000_000, True)]
    assert [row["amount_micros"] for row in data["payouts"]] == [2_000_000]
    text = json.dumps(data)
    assert [
        word for word in ("Bob", other.user.email, "Where is my card?", f": {theirs.example_id},") if word in text
    ] == []


def test_a_large_export_is_read_in_batches(
    persona: Persona, tester: Tester, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        say(tester, persona)
    client = signed_in(tester)
    with django_assert_max_num_queries(16):
        assert len(json.loads(client.get(f"{page_of(tester)}download/").getvalue())["labels"]) == 4


def test_strangers_find_nothing(tester: Tester) -> None:
    stranger = TesterFactory()
    client = signed_in(stranger)
    for address in ("", "download/"):
        assert client.get(page_of(tester) + address).status_code == 404
    assert client.post(page_of(tester), {"confirmation": "delete my data"}).status_code == 404
    assert Client().get(page_of(tester)).status_code == 302
    assert Withdrawal.objects.count() == 0


def test_nothing_is_deleted_before_the_words_are_typed(tester: Tester) -> None:
    answer = signed_in(tester).post(page_of(tester), {"confirmation": "yes"})
    assert answer.status_code == 400
    assert "Nothing was deleted" in answer.content.decode()
    assert Withdrawal.objects.count() == 0


def test_the_page_says_what_was_found_and_stays_open(persona: Persona, tester: Tester) -> None:
    say(tester, persona)
    client = signed_in(tester)
    assert "<dt>Labels you gave</dt><dd>1</dd>" in client.get(page_of(tester)).content.decode()
    answer = client.post(page_of(tester), {"confirmation": " Delete my  data", "reason": "I moved"}, follow=True)
    assert "0 of 1 done" in answer.content.decode()
    withdrawal = Withdrawal.objects.get()
    assert (withdrawal.reason, withdrawal.requested_by) == ("I moved", tester.user.email)
    erase_withdrawal(withdrawal=withdrawal, now=NOW)
    page = client.get("/your-data/", follow=True).content.decode()
    assert "All of it is gone since" in page
    assert 'name="confirmation"' not in page
    assert download(tester)["labels"][0]["label"] is None
    tester.refresh_from_db()
    assert tester.status == TesterStatus.WITHDRAWN


def test_who_was_never_a_tester_is_told_so(client: Client) -> None:
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")
    assert "Nothing is stored about you as a tester" in client.get("/your-data/").content.decode()
