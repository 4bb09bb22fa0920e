"""Gold items: one in so many, indistinguishable, never a label."""

import re
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput
from apps.common.models import AuditEvent
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import Contribution, GoldAnswer, Label, Tester, TrainingExample
from apps.contributions.queries import review_progress
from apps.contributions.queries.gold import gold_slot, next_gold
from apps.contributions.services import (
    lease_next_example,
    mark_gold,
    report_example,
    save_answer,
    sign_start,
    skip_example,
    undo_last,
    unmark_gold,
)
from apps.contributions.services.leases import START
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST, RATE = {"code": "lost_card"}, {"code": "exchange_rate"}
ACCEPTED = {
    "status": ExampleStatus.ACCEPTED, "accepted_label": LOST, "accepted_at": NOW, "accepted_by": "staff",
}  # fmt: skip


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(gold_every=4)
    return persona


@pytest.fixture
def ada(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _gold(persona: Persona, count: int = 1) -> list[TrainingExample]:
    gold: list[TrainingExample] = TrainingExampleFactory.create_batch(count, persona=persona, **ACCEPTED)
    mark_gold(examples=gold, by=SYSTEM, now=NOW)
    return [TrainingExample.objects.get(pk=example.pk) for example in gold]


def _only_gold(persona: Persona) -> None:
    """Every item is a gold one, as long as there are any."""
    Persona.objects.filter(pk=persona.pk).update(gold_every=1)
    persona.refresh_from_db()


def _work(persona: Persona, tester: Tester, items: int) -> list[TrainingExample]:
    """What a tester who answers whatever comes is shown."""
    seen = []
    for _ in range(items):
        example = lease_next_example(tester=tester, persona=persona, now=NOW)
        assert example is not None
        seen.append(example)
        save_answer(tester=tester, example=example, payload=LOST, now=NOW)
    return seen


def test_one_in_so_many_is_a_gold_item_that_the_tester_has_not_seen(persona: Persona, ada: Tester) -> None:
    _gold(persona, 3)
    TrainingExampleFactory.create_batch(9, persona=persona)
    seen = _work(persona, ada, 12)
    places = [place for place, example in enumerate(seen) if example.is_gold]
    assert [place // 4 for place in places] == [0, 1, 2]
    assert places == [4 * block + gold_slot(tester=ada, persona=persona, block=block) for block in range(3)]
    assert len({example.pk for example in seen}) == 12


def test_places_differ_by_tester_and_stay_when_the_page_is_loaded_again(persona: Persona) -> None:
    testers = TesterFactory.create_batch(6, organization=persona.organization)
    places = [tuple(gold_slot(tester=tester, persona=persona, block=block) for block in range(8)) for tester in testers]
    assert len(set(places)) == 6
    assert {place for one in places for place in one} == {0, 1, 2, 3}
    again = [tuple(gold_slot(tester=tester, persona=persona, block=block) for block in range(8)) for tester in testers]
    assert again == places


def test_an_answer_to_a_gold_item_is_scored_and_teaches_nobody(persona: Persona, ada: Tester) -> None:
    _only_gold(persona)
    right, wrong = _gold(persona, 2)
    start = sign_start(example=right, tester=ada, now=NOW)
    save_answer(tester=ada, example=right, payload=LOST, start=start, now=NOW.replace(second=NOW.second + 7))
    save_answer(tester=ada, example=wrong, payload=RATE, now=NOW)
    given = GoldAnswer.objects.order_by("pk").values_list("example", "score", "seconds_spent")
    assert list(given) == [(right.pk, 1.0, 7), (wrong.pk, 0.0, None)]
    assert not Label.objects.exists()
    assert not Contribution.objects.exists()
    right.refresh_from_db()
    assert (right.status, right.leased_to) == (ExampleStatus.ACCEPTED, None)


def test_the_first_answer_counts(persona: Persona, ada: Tester) -> None:
    (gold,) = _gold(persona)
    save_answer(tester=ada, example=gold, payload=RATE, now=NOW)
    gold.refresh_from_db()
    with pytest.raises(Conflict, match="is accepted"):  # it is no gold item any more for whoever has seen it
        save_answer(tester=ada, example=gold, payload=LOST, now=NOW)
    assert GoldAnswer.objects.get().score == 0.0


def test_an_answer_the_task_refuses_is_not_kept(persona: Persona, ada: Tester) -> None:
    (gold,) = _gold(persona)
    with pytest.raises(InvalidInput):
        save_answer(tester=ada, example=gold, payload={"code": "nonsense"}, now=NOW)
    assert not GoldAnswer.objects.exists()


@pytest.mark.parametrize("start", ["", "x", "a:b:c"])
def test_a_start_that_nobody_signed_tells_no_time(persona: Persona, ada: Tester, start: str) -> None:
    (gold,) = _gold(persona)
    save_answer(tester=ada, example=gold, payload=LOST, start=start, now=NOW)
    assert GoldAnswer.objects.get().seconds_spent is None


def test_a_start_of_another_item_tells_no_time(persona: Persona, ada: Tester) -> None:
    one, other = _gold(persona, 2)
    start = sign_start(example=other, tester=ada, now=NOW)
    save_answer(tester=ada, example=one, payload=LOST, start=start, now=NOW)
    assert GoldAnswer.objects.get().seconds_spent is None
    assert signing.loads(start, salt=START) == [other.pk, ada.pk, int(NOW.timestamp())]


def test_who_labelled_an_example_is_not_measured_by_it(persona: Persona, ada: Tester) -> None:
    _only_gold(persona)
    own = TrainingExampleFactory(persona=persona)
    save_answer(tester=ada, example=own, payload=LOST, now=NOW)
    own.refresh_from_db()
    mark_gold(examples=[own], by=SYSTEM, now=NOW)
    assert next_gold(tester=ada, persona=persona) is None
    ben = TesterFactory(organization=persona.organization)
    assert next_gold(tester=ben, persona=persona) == own


@pytest.mark.parametrize("act", [skip_example, report_example])
def test_a_gold_item_can_be_set_aside_as_any_other(persona: Persona, ada: Tester, act: Any) -> None:
    _only_gold(persona)
    first, second = _gold(persona, 2)
    act(tester=ada, example=first, reason="other")
    assert lease_next_example(tester=ada, persona=persona, now=NOW) == second
    ben = TesterFactory(organization=persona.organization)
    expected = second if act is report_example else first
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == expected


def test_none_where_the_persona_wants_none(persona: Persona, ada: Tester) -> None:
    _gold(persona)
    persona.gold_every = 0
    assert next_gold(tester=ada, persona=persona) is None
    assert review_progress(tester=ada, persona=persona, now=NOW).left == 0


def test_the_numbers_of_the_desk_do_not_tell_which_item_is_gold(persona: Persona, ada: Tester) -> None:
    """With each item one more is done and one less is left, whichever it was."""
    _gold(persona, 2)
    TrainingExampleFactory.create_batch(10, persona=persona)
    shown = []
    while (example := lease_next_example(tester=ada, persona=persona, now=NOW)) is not None:
        progress = review_progress(tester=ada, persona=persona, now=NOW)
        shown.append(progress.left)
        save_answer(tester=ada, example=example, payload=LOST, now=NOW)
    assert shown == list(range(12, 0, -1))
    done = ada.labels.get_queryset().order_by("pk")[0].updated_at
    assert review_progress(tester=ada, persona=persona, now=done).labelled_today == 12


def test_the_page_of_a_gold_item_is_that_of_any_other(persona: Persona, ada: Tester) -> None:
    """But for its number, its words and the signed start of each."""
    Persona.objects.update(slug="coder")
    web = Client()
    web.force_login(ada.user)
    desk = f"/review/{persona.organization.slug}/coder/"
    pages = []
    for is_gold in (False, True):
        TrainingExample.objects.all().update(status=ExampleStatus.WITHDRAWN)
        fields = {**ACCEPTED, "is_gold": True} if is_gold else {}
        example = TrainingExampleFactory(persona=persona, input={"text": "Where is it?"}, **fields)
        Persona.objects.update(gold_every=int(is_gold))
        page = web.get(desk).content.decode()
        assert f'action="{desk}{example.pk}/"' in page
        page = page.replace(f"{desk}{example.pk}/", "ITEM")
        pages.append(re.sub(r'name="(start|csrfmiddlewaretoken)" value="[^"]*"', r'name="\1"', page))
    assert pages[0] == pages[1]


def test_taking_back_an_answer_to_a_gold_item_looks_as_any_other(persona: Persona, ada: Tester) -> None:
    _only_gold(persona)
    (gold,) = _gold(persona)
    save_answer(tester=ada, example=gold, payload=RATE, now=NOW)
    given = GoldAnswer.objects.get()
    undone = undo_last(tester=ada, persona=persona, example=gold, now=given.updated_at)
    assert (undone.example, undone.payload) == (gold, RATE)
    assert not GoldAnswer.objects.exists()
    assert lease_next_example(tester=ada, persona=persona, now=NOW) == gold


@pytest.mark.parametrize("status", [status for status in ExampleStatus if status not in ("accepted", "withdrawn")])
def test_only_accepted_examples_are_marked(persona: Persona, status: ExampleStatus) -> None:
    known = TrainingExampleFactory(persona=persona, **ACCEPTED)
    unknown = TrainingExampleFactory(persona=persona, status=status)
    with pytest.raises(Conflict, match="Only accepted examples"):
        mark_gold(examples=[known, unknown], by=SYSTEM, now=NOW)
    assert not TrainingExample.objects.filter(is_gold=True).exists()


def test_marking_and_unmarking_is_in_the_audit_log(persona: Persona) -> None:
    gold = _gold(persona, 2)
    assert unmark_gold(examples=gold, by=SYSTEM, now=NOW) == 2
    assert unmark_gold(examples=gold, by=SYSTEM, now=NOW) == 0
    assert AuditEvent.objects.filter(verb="marked_gold").count() == 2
    assert AuditEvent.objects.filter(verb="unmarked_gold").count() == 2
