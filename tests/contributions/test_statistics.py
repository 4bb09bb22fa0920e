"""What has come in, by API and on the staff's page, and what each persona still needs."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.contributions.enums import ExampleStatus, QualityBand
from apps.contributions.models import TrainingExample
from apps.contributions.queries import PersonaCounts, statistics_for, statistics_of
from apps.contributions.queries.eligibility import eligibility_of
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.clients import key_client
from tests.factories import NOW, MembershipFactory, PersonaFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
URL = "/api/stats/"
PAGE = reverse("admin:contributions_trainingexample_collection")
ACCEPTED: dict[str, Any] = {
    "status": "accepted", "accepted_label": {"code": "lost_card"}, "accepted_at": NOW, "accepted_by": "staff",
    "quality_score": 1,
}  # fmt: skip


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder", name="Coder")
    return persona


def _at(days_ago: float, **fields: Any) -> TrainingExample:
    example: TrainingExample = TrainingExampleFactory(**fields)
    TrainingExample.objects.filter(pk=example.pk).update(created_at=NOW - timedelta(days=days_ago))
    return example


def test_everything_is_counted_by_everything(persona: Persona) -> None:
    TrainingExampleFactory(persona=persona, **ACCEPTED)
    TrainingExampleFactory(persona=persona, **{**ACCEPTED, "quality_score": Decimal("0.699")}, source="upload")
    TrainingExampleFactory(persona=persona, **ACCEPTED, split_pin="test")
    TrainingExampleFactory(persona=persona, **ACCEPTED, consent=False, outcome="accepted")
    TrainingExampleFactory(persona=persona, quality_score=Decimal("0.499"), source="chat", outcome="rejected")
    TrainingExampleFactory(persona=persona, status=ExampleStatus.DISPUTED)
    TrainingExampleFactory()  # a stranger's

    found = statistics_of(organization=persona.organization, now=NOW, days=1).collection
    assert found.total == 6
    assert found.kinds == {"survey_answer": 6}
    assert found.sources == {"import": 4, "upload": 1, "chat": 1}
    assert found.statuses == {"accepted": 4, "awaiting_labels": 1, "disputed": 1}
    assert found.outcomes == {"": 4, "accepted": 1, "rejected": 1}
    assert found.bands == {"good": 3, "fair": 1, "low": 1, "unrated": 1}
    counts = PersonaCounts(6, awaiting=1, disputed=1, trainable=Counter({"good": 1, "fair": 1}))
    assert found.personas == {persona.pk: counts}


def test_days_without_examples_are_days_all_the_same(persona: Persona) -> None:
    for days_ago in (0, 0.4, 0.6, 2, 3):  # it is noon
        _at(days_ago, persona=persona)
    found = statistics_of(organization=persona.organization, now=NOW, days=3).collection
    assert [(day.isoformat(), count) for day, count in found.by_day.items()] == [
        ("2026-11-18", 1), ("2026-11-19", 1), ("2026-11-20", 2),
    ]  # fmt: skip
    assert found.total == 5


def test_it_costs_the_same_for_any_number(persona: Persona, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        TrainingExampleFactory.create_batch(3, persona=PersonaFactory(organization=persona.organization))
        with django_assert_num_queries(3):  # personas, all examples, those of each day
            statistics_of(organization=persona.organization, now=NOW, days=90)


def test_people_see_what_is_theirs(persona: Persona) -> None:
    member = MembershipFactory(organization=persona.organization).user
    other = PersonaFactory(organization=persona.organization, name="Another")
    stranger = TrainingExampleFactory().persona
    TrainingExampleFactory(persona=persona)
    TrainingExampleFactory(persona=other)
    of_all = statistics_for(user=member, now=NOW, days=1)
    of_one = statistics_for(user=member, now=NOW, days=1, persona_id=persona.pk)
    of_none = statistics_for(user=member, now=NOW, days=1, persona_id=stranger.pk)
    assert [one.collection.total for one in (of_all, of_one, of_none)] == [2, 1, 0]
    assert of_none.personas == [other, persona]


# --- whether it is enough ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "good", "fair", "sentence"),
    [
        ("survey_coding", 0, 9, "You have 0 examples of the 10 that fine-tuning needs: 10 to go."),
        ("survey_coding", 10, 0, "You have 10 examples - fine-tuning available! 100 or more are recommended."),
        ("survey_coding", 1100, 0, "You have 1,100 examples - fine-tuning available!"),
        ("ux_test", 9, 0, "You have 9 examples of the 10 that fine-tuning needs: 1 to go."),
        ("conversation", 49, 9, "You have 49 examples of the 50 that fine-tuning needs: 1 to go."),
        ("conversation", 87, 0, "You have 87 examples - fine-tuning available! 100 or more are recommended."),
        ("page_builder", 4, 6, "You have 10 examples - fine-tuning available! 200 or more are recommended."),
        ("roast", 99, 99, "You have 99 examples of the 100 that fine-tuning needs: 1 to go."),
        ("roast", 100, 0, "You have 100 examples - fine-tuning available!"),
    ],
)
def test_what_a_task_needs(task: str, good: int, fair: int, sentence: str) -> None:
    counts = PersonaCounts(trainable=Counter({QualityBand.GOOD: good, QualityBand.FAIR: fair, QualityBand.LOW: 900}))
    found = eligibility_of(persona=Persona(task=task), counts=counts)
    assert found.sentence.removesuffix(" Bring more examples in.") == sentence
    assert found.is_eligible == ("available" in sentence)
    assert found.missing == max(0, found.needed - found.count)


@pytest.mark.parametrize(
    ("awaiting", "disputed", "way"),
    [
        (0, 0, "Bring more examples in."),
        (1, 0, "1 waits for labels."),
        (1200, 1, "1,200 wait for labels. Labels disagree on 1: decide it."),
        (0, 3, "Labels disagree on 3: decide them."),
    ],
)
def test_what_to_do_until_it_is_enough(awaiting: int, disputed: int, way: str) -> None:
    counts = PersonaCounts(awaiting=awaiting, disputed=disputed)
    found = eligibility_of(persona=Persona(task="conversation"), counts=counts)
    assert found.sentence == f"You have 0 examples of the 50 that fine-tuning needs: 50 to go. {way}"


# --- by API -----------------------------------------------------------------------------------------------------------


def test_the_api_names_every_value(persona: Persona) -> None:
    TrainingExampleFactory(persona=persona, **ACCEPTED, source="chat", outcome="accepted")
    answer = key_client(persona.organization, Scope.READ).get(URL, {"days": 2})
    assert answer.status_code == 200
    assert sorted(day["examples"] for day in answer.json()["by_day"]) == [0, 1]
    assert {name: value for name, value in answer.json().items() if name != "by_day"} == {
        "total": 1,
        "by_kind": {
            "page_generation": 0, "tool_invocation": 0, "design_choice": 0, "section_edit": 0, "ux_test": 0,
            "survey_answer": 1, "chat_turn": 0, "roast": 0,
        },
        "by_source": {"run": 0, "chat": 1, "upload": 0, "import": 0, "synthetic": 0, "correction": 0},
        "by_outcome": {"accepted": 1, "accepted_with_edits": 0, "rejected": 0, "regenerated": 0, "unknown": 0},
        "by_status": {"awaiting_labels": 0, "accepted": 1, "disputed": 0, "rejected": 0, "withdrawn": 0},
        "by_quality": {"unrated": 0, "low": 0, "fair": 0, "good": 1},
        "personas": [
            {
                "persona": "coder", "total": 1, "trainable": 1, "needed": 10, "recommended": 100, "missing": 9,
                "awaiting_labels": 0, "disputed": 0, "is_eligible": False,
                "sentence": "You have 1 example of the 10 that fine-tuning needs: 9 to go. Bring more examples in.",
            }
        ],
    }  # fmt: skip


def test_the_api_tells_of_one_persona_or_of_all_of_an_organization(persona: Persona) -> None:
    TrainingExampleFactory(persona=persona)
    TrainingExampleFactory(persona=PersonaFactory(organization=persona.organization, slug="other"))
    TrainingExampleFactory(persona=PersonaFactory(slug="foreign"))
    client = key_client(persona.organization, Scope.READ)
    assert [client.get(URL, chosen).json()["total"] for chosen in ({}, {"persona": "coder"})] == [2, 1]
    assert len(client.get(URL).json()["by_day"]) == 30
    foreign = client.get(URL, {"persona": "foreign"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "persona_not_found")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"kind": "roast"}, "unknown_filter"),
        ({"persona__organization": "1"}, "unknown_filter"),
        ({"days": "0"}, "invalid"),
        ({"days": "367"}, "invalid"),
        ({"days": "many"}, "invalid"),
        ({"persona": "no slug"}, "invalid"),
    ],
)
def test_the_api_refuses_what_it_does_not_know(persona: Persona, query: dict[str, str], code: str) -> None:
    answer = key_client(persona.organization, Scope.READ).get(URL, query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_key_needs_the_scope(persona: Persona) -> None:
    assert key_client(persona.organization, Scope.CONTRIBUTE).get(URL).status_code == 403
    assert APIClient().get(URL).status_code == 401


# --- on the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(persona: Persona) -> Client:
    client = Client()
    client.force_login(MembershipFactory(organization=persona.organization, role="viewer", user__is_staff=True).user)
    return client


def test_the_page_says_what_has_come_in(persona: Persona, staff: Client) -> None:
    TrainingExampleFactory.create_batch(3, persona=persona, **ACCEPTED)
    TrainingExampleFactory(persona=persona, source="chat")
    TrainingExampleFactory(persona=PersonaFactory(name="A stranger's"))
    page = staff.get(PAGE)
    assert [
        (name, [(line.label, line.count, line.percent) for line in lines]) for name, lines in page.context["tables"]
    ] == [
        ("Status", [("Awaiting labels", 1, 25), ("Accepted", 3, 75)]),
        ("Quality score", [("Not rated", 1, 25), ("0.7 and better", 3, 75)]),
        ("Source", [("Chat", 1, 25), ("Import", 3, 75)]),
        ("Kind", [("Survey answer", 4, 100)]),
        ("What became of the answer", [("Nobody has said", 4, 100)]),
    ]
    text = page.content.decode()
    assert "4 in 30 days, 4 in all" in text
    assert "You have 3 examples of the 10 that fine-tuning needs: 7 to go. 1 waits for labels." in text
    assert "A stranger" not in text
    assert "Build a dataset</a>" not in text


def test_the_page_leads_to_a_dataset_once_there_is_enough(persona: Persona, staff: Client) -> None:
    TrainingExampleFactory.create_batch(10, persona=persona, **ACCEPTED)
    text = staff.get(PAGE, {"persona": persona.pk, "days": "7"}).content.decode()
    assert f"{reverse('admin:datasets_trainingdataset_build')}?persona={persona.pk}" in text
    assert "10 in 7 days, 10 in all" in text


def test_the_page_of_nothing_says_how_to_begin(persona: Persona, staff: Client) -> None:
    text = staff.get(PAGE).content.decode()
    assert "Nothing has come in yet" in text
    assert f"{persona.name}: 0 of 10 examples" in text


@pytest.mark.parametrize("asked", [{"persona": "x"}, {"persona": "9" * 30}, {"days": "-1"}, {"days": "8"}])
def test_a_hand_made_address_is_read_as_far_as_it_makes_sense(staff: Client, asked: dict[str, str]) -> None:
    assert staff.get(PAGE, asked).context["days"] == 30
