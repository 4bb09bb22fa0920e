"""Examples that are nearly the same: found, shown, kept apart or rejected."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus, SearchStatus
from apps.contributions.models import DuplicateSearch, TrainingExample
from apps.contributions.queries import count_groups, duplicate_groups
from apps.contributions.queries.near_texts import INDEXED_A_ROOT, NearTexts, are_near, normal_text
from apps.contributions.services import (
    find_near_duplicates,
    hand_out_stalled_searches,
    keep_apart,
    reject_near_duplicates,
    request_due_searches,
    request_duplicate_search,
    resolve_example,
)
from apps.personas.models import Persona
from tests.factories import NOW, MembershipFactory, PersonaFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
CARD = "My card has not arrived yet, where is it?"
CARD_TOO = "My card hasn't arrived yet, where is it?"
CARD_THREE = "My card hasn't arrived yet, where is it now?"
OTHER = "What is the exchange rate for dollars today?"
TRANSFER = "How long does a transfer to another bank take?"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


def _examples(persona: Persona, *texts: str, **fields: Any) -> list[TrainingExample]:
    return [TrainingExampleFactory(persona=persona, input={"text": text}, **fields) for text in texts]


def _search(persona: Persona) -> DuplicateSearch:
    return find_near_duplicates(search=request_duplicate_search(persona=persona, by=SYSTEM, now=NOW), now=NOW)


def _roots(*examples: TrainingExample) -> list[int | None]:
    stored = dict(TrainingExample.objects.values_list("pk", "near_duplicate_of"))
    return [stored[example.pk] for example in examples]


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (CARD, CARD, True),
        (CARD, CARD_TOO, True),
        (CARD, CARD.upper().replace(",", " -"), True),
        (CARD, OTHER, False),
        ("Where is it?", "What is it?", False),
        ("yes", "no", False),
        ("👍", "👎", False),
        ("", "", True),
    ],
)
def test_what_is_nearly_the_same(one: str, other: str, near: bool) -> None:
    assert are_near(normal_text(one), normal_text(other)) is near
    first, second = NearTexts().add([(1, normal_text(one), False), (2, normal_text(other), False)])
    assert (first, second) == (None, 1 if near else None)


def test_the_same_question_after_other_words_is_another_one() -> None:
    talk = "How can I help? I have lost my card in the city. Which card is it? The red one of the two."
    texts = [("And now?", talk), ("And now?", OTHER * 2), ("And now?", talk + "!"), ("And then what?", talk)]
    found = NearTexts().add([(pk, normal_text(*text), False) for pk, text in enumerate(texts)])
    assert found == [None, None, 0, None]


def test_long_texts_are_compared_by_both_ends() -> None:
    body = " ".join(f"word{number}" for number in range(3000))
    texts = [f"{start} {body} {end}" for start, end in (("a", "z"), ("a", "z"), ("a" * 900, "z" * 900))]
    assert NearTexts().add([(pk, normal_text(text), False) for pk, text in enumerate(texts)]) == [None, 0, None]


def test_a_crowd_around_one_text_has_one_root() -> None:
    texts = [f"Please tell me where order {number} to our house in the harbour street is" for number in range(10, 99)]
    assert len(texts) > INDEXED_A_ROOT
    found = NearTexts().add([(pk, normal_text(text), False) for pk, text in enumerate(texts)])
    assert found == [None] + [0] * (len(texts) - 1)


# --- the search -------------------------------------------------------------------------------------------------------


def test_each_points_to_the_oldest(persona: Persona) -> None:
    first, second, third, other = _examples(persona, CARD, CARD_TOO, CARD_THREE, OTHER)
    search = _search(persona)
    assert _roots(first, second, third, other) == [None, first.pk, first.pk, None]
    assert (search.status, search.found, search.progress_done, search.progress_total) == (SearchStatus.DONE, 2, 4, 4)
    assert (search.newest_example, search.finished_at is None, search.lease_token) == (other.pk, False, "")


def test_searching_again_changes_nothing(persona: Persona) -> None:
    _examples(persona, CARD, OTHER, CARD_TOO, TRANSFER, CARD_THREE)
    _search(persona)
    before = list(TrainingExample.objects.order_by("pk").values())
    _search(persona)
    assert list(TrainingExample.objects.order_by("pk").values()) == before


def test_personas_and_kinds_are_compared_among_themselves(persona: Persona) -> None:
    (mine,), (theirs,) = _examples(persona, CARD), _examples(PersonaFactory(), CARD_TOO)
    builder = PersonaFactory(task="page_builder", settings={})
    page, edit = (
        TrainingExampleFactory(persona=builder, kind=kind, input={"prompt": CARD, "context": "", "current_page": None})
        for kind in ("page_generation", "section_edit")
    )
    for one in (persona, theirs.persona, builder):
        _search(one)
    assert _roots(mine, theirs, page, edit) == [None] * 4


@pytest.mark.parametrize("status", [ExampleStatus.WITHDRAWN, ExampleStatus.REJECTED])
def test_what_is_gone_is_nobodys_root(persona: Persona, status: str) -> None:
    first, second, third = _examples(persona, CARD, CARD_TOO, CARD_THREE)
    _search(persona)
    gone = {"input": None} if status == ExampleStatus.WITHDRAWN else {}
    TrainingExample.objects.filter(pk=first.pk).update(status=status, **gone)
    _search(persona)
    assert _roots(second, third) == [None, second.pk]


def test_encrypted_texts_are_compared_as_well(persona: Persona, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    first, second = _examples(persona, CARD, CARD_TOO)
    with connection.cursor() as cursor:
        cursor.execute("SELECT input FROM ai_training_examples WHERE id = %s", [first.pk])
        assert cursor.fetchone()[0].startswith("fernet:")
    _search(persona)
    assert _roots(second) == [first.pk]


def test_a_text_that_no_key_fits_ends_the_search_with_its_reason(persona: Persona, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    _examples(persona, CARD)
    settings.FIELD_ENCRYPTION_KEYS = []
    search = _search(persona)
    assert search.status == SearchStatus.FAILED
    assert "cannot be decrypted" in search.error_message


def test_many_cost_a_few_statements_a_batch(persona: Persona, django_assert_max_num_queries: Any) -> None:
    _examples(persona, *(f"{CARD} {'x' * (number % 7)}" for number in range(600)))
    search = request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    with django_assert_max_num_queries(25):
        assert find_near_duplicates(search=search, now=NOW).found > 500


# --- the job ----------------------------------------------------------------------------------------------------------


def test_a_worker_finds_what_was_asked_for(persona: Persona) -> None:
    first, second = _examples(persona, CARD, CARD_TOO)
    request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    assert jobs.drain() == 1
    assert _roots(second) == [first.pk]
    assert AuditEvent.objects.get(verb="searched").data == {"examples": 2, "found": 1}


def test_one_at_a_time(persona: Persona) -> None:
    search = request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    with pytest.raises(Conflict, match="is being searched"):
        request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    held = {"lease_token": "another", "lease_until": NOW + timedelta(minutes=1), "status": SearchStatus.RUNNING}
    DuplicateSearch.objects.update(**held)
    assert find_near_duplicates(search=search, now=NOW).status == SearchStatus.RUNNING
    assert find_near_duplicates(search=search, now=NOW + timedelta(minutes=2)).status == SearchStatus.DONE


def test_each_night_personas_with_new_examples_are_searched(persona: Persona) -> None:
    PersonaFactory(name="Without examples")
    _examples(persona, CARD)
    assert request_due_searches(now=NOW) == 1
    assert request_due_searches(now=NOW) == 0  # it is under way
    jobs.drain()
    assert request_due_searches(now=NOW) == 0  # nothing is new
    (late,) = _examples(persona, CARD_TOO)
    assert request_due_searches(now=NOW) == 1
    jobs.drain()
    TrainingExample.objects.filter(pk=late.pk).update(status=ExampleStatus.REJECTED)
    assert request_due_searches(now=NOW) == 0


def test_a_search_whose_worker_is_gone_is_tried_three_times(persona: Persona) -> None:
    search = request_duplicate_search(persona=persona, by=SYSTEM, now=NOW)
    late = NOW + timedelta(days=2)
    held = {"status": SearchStatus.RUNNING, "lease_token": "gone", "lease_until": NOW, "updated_at": NOW}
    DuplicateSearch.objects.update(**held, attempts=1)
    assert hand_out_stalled_searches(now=NOW + timedelta(minutes=1)) == 0
    assert hand_out_stalled_searches(now=late) == 1
    DuplicateSearch.objects.update(**held, attempts=3)
    assert hand_out_stalled_searches(now=late) == 0
    search.refresh_from_db()
    assert (search.status, search.error_message) == (
        SearchStatus.FAILED, "It did not come to its end in 3 attempts."
    )  # fmt: skip


# --- what people make of it -------------------------------------------------------------------------------------------


def test_what_was_kept_apart_stays_so_and_may_have_duplicates_of_its_own(persona: Persona) -> None:
    first, second = _examples(persona, CARD, CARD_TOO)
    _search(persona)
    assert keep_apart(persona=persona, example_ids=[first.pk, second.pk], by=SYSTEM, now=NOW) == 1
    (third,) = _examples(persona, CARD_TOO)
    _search(persona)
    assert _roots(first, second, third) == [None, None, second.pk]
    second.refresh_from_db()
    assert (second.kept_apart_at, second.kept_apart_by) == (NOW, "system")


def test_the_newer_ones_can_be_rejected_accepted_or_not(persona: Persona) -> None:
    first, waiting, accepted, gold = _examples(persona, CARD, CARD_TOO, CARD_THREE, CARD)
    for example in (first, accepted, gold):
        resolve_example(example=example, payload={"code": "lost_card"}, by=SYSTEM, now=NOW)
    TrainingExample.objects.filter(pk=gold.pk).update(is_gold=True)
    (stranger,) = _examples(PersonaFactory(), CARD, near_duplicate_of=first)
    _search(persona)
    everything = [one.pk for one in (first, waiting, accepted, gold, stranger)]
    assert reject_near_duplicates(persona=persona, example_ids=everything, by=SYSTEM, now=NOW) == 2
    assert reject_near_duplicates(persona=persona, example_ids=everything, by=SYSTEM, now=NOW) == 0
    statuses = dict(TrainingExample.objects.values_list("pk", "status"))
    assert [statuses[pk] for pk in everything] == ["accepted", "rejected", "rejected", "accepted", "awaiting_labels"]
    assert AuditEvent.objects.get(verb="rejected_duplicates").data == {"examples": 2}


def test_groups_have_their_oldest_and_what_differs(persona: Persona, django_assert_num_queries: Any) -> None:
    first, second, other, repeated = _examples(persona, CARD, CARD_TOO, OTHER, OTHER)
    _search(persona)
    with django_assert_num_queries(3):
        newer, older = duplicate_groups(persona=persona)
    assert (older.root, older.text, older.count) == (first, CARD, 1)
    assert [(one.example, [(change.kind, change.text) for change in one.changes]) for one in newer.members] == [
        (repeated, [("kept", OTHER)])
    ]
    ((member, changes),) = [(one.example, one.changes) for one in older.members]
    assert member == second
    assert "".join(change.text for change in changes if change.kind != "removed") == CARD_TOO
    assert newer.root == other
    assert (count_groups(persona=persona), duplicate_groups(persona=persona, page=2)) == (2, [])


def test_a_large_group_shows_its_oldest(persona: Persona) -> None:
    _examples(persona, *[CARD] * 15)
    _search(persona)
    (group,) = duplicate_groups(persona=persona)
    assert (len(group.members), group.count) == (10, 14)


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(persona: Persona) -> Client:
    client = Client()
    client.force_login(MembershipFactory(organization=persona.organization, user__is_staff=True).user)
    return client


def _page(search: DuplicateSearch, name: str = "groups") -> str:
    return reverse(f"admin:contributions_duplicatesearch_{name}", args=[search.pk])


def test_staff_start_a_search_for_a_persona_of_their_own(persona: Persona, staff: Client) -> None:
    url = reverse("admin:contributions_duplicatesearch_search")
    stranger = PersonaFactory(name="A stranger's")
    assert "A stranger" not in staff.get(url).content.decode()
    staff.post(url, {"confirmed": "yes", "persona": stranger.pk})
    assert not DuplicateSearch.objects.exists()
    staff.post(url, {"confirmed": "yes", "persona": persona.pk})
    assert DuplicateSearch.objects.get().persona == persona
    jobs.drain()
    search = DuplicateSearch.objects.get()
    assert "Search again?" in staff.get(_page(search, "search_this")).content.decode()
    staff.post(_page(search, "search_this"), {"confirmed": "yes"})
    search.refresh_from_db()
    assert search.status == SearchStatus.REQUESTED


def test_staff_look_at_groups_and_decide(persona: Persona, staff: Client) -> None:
    first, second, third = _examples(persona, CARD, "<b>" + CARD_TOO, CARD_THREE)
    search = _search(persona)
    text = staff.get(_page(search)).content.decode()
    assert "1 group of examples" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    staff.post(_page(search), {"act": "keep", "example": [second.pk]})
    answer = staff.post(_page(search), {"act": "reject", "example": [third.pk]}, follow=True)
    assert "1 example rejected." in answer.content.decode()
    assert _roots(first, second, third) == [None, None, first.pk]
    assert "No examples are nearly the same" in answer.content.decode()


def test_an_example_names_what_it_repeats(persona: Persona, staff: Client) -> None:
    first, second = _examples(persona, CARD, CARD_TOO)
    _search(persona)
    page = staff.get(reverse("admin:contributions_trainingexample_change", args=[second.pk])).content.decode()
    assert reverse("admin:contributions_trainingexample_change", args=[first.pk]) in page
    button = staff.get(reverse("admin:contributions_trainingexample_find_duplicates"))
    assert button["Location"] == reverse("admin:contributions_duplicatesearch_search")


def test_a_viewer_only_looks(persona: Persona) -> None:
    _, second = _examples(persona, CARD, CARD_TOO)
    search = _search(persona)
    client = Client()
    client.force_login(MembershipFactory(organization=persona.organization, role="viewer", user__is_staff=True).user)
    assert "Keep as different" not in client.get(_page(search)).content.decode()
    assert client.post(_page(search), {"act": "reject", "example": [second.pk]}).status_code == 404
    second.refresh_from_db()
    assert second.status == ExampleStatus.AWAITING_LABELS


def test_what_is_no_id_is_not_found(persona: Persona, staff: Client) -> None:
    search = _search(persona)
    assert staff.post(_page(search), {"act": "keep", "example": ["x"]}).status_code == 404
    assert [staff.get(_page(search), {"page": page}).status_code for page in ("0", "-1", "x", "9" * 18)] == [200] * 4
