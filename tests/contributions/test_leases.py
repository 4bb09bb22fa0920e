from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.common.errors import NotAllowed
from apps.contributions.enums import ExampleStatus, TesterStatus
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.queries import desks_of, explain_empty_queue, review_progress
from apps.contributions.services import lease_next_example, report_example, skip_example, submit_label
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
LOST = {"code": "lost_card"}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


@pytest.fixture
def ada(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


@pytest.fixture
def ben(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def test_the_oldest_comes_first_and_each_tester_gets_another(persona: Persona, ada: Tester, ben: Tester) -> None:
    examples = [TrainingExampleFactory(persona=persona) for _ in range(2)]
    assert lease_next_example(tester=ada, persona=persona, now=NOW) == examples[0]
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == examples[1]
    assert lease_next_example(tester=TesterFactory(organization=persona.organization), persona=persona, now=NOW) is None


def test_asking_again_gives_the_same_example(persona: Persona, ada: Tester) -> None:
    TrainingExampleFactory.create_batch(2, persona=persona)
    first = lease_next_example(tester=ada, persona=persona, now=NOW)
    assert lease_next_example(tester=ada, persona=persona, now=NOW + timedelta(minutes=14)) == first


def test_after_fifteen_minutes_an_example_is_free_again(persona: Persona, ada: Tester, ben: Tester) -> None:
    example = TrainingExampleFactory(persona=persona)
    lease_next_example(tester=ada, persona=persona, now=NOW)
    assert lease_next_example(tester=ben, persona=persona, now=NOW + timedelta(minutes=15)) is None
    later = NOW + timedelta(minutes=15, seconds=1)
    assert lease_next_example(tester=ben, persona=persona, now=later) == example


def test_nobody_is_asked_twice_about_the_same_example(persona: Persona, ada: Tester, ben: Tester) -> None:
    Persona.objects.update(labels_per_example=2)
    example = TrainingExampleFactory(persona=persona)
    submit_label(tester=ada, example=example, payload=LOST, now=NOW)
    assert lease_next_example(tester=ada, persona=persona, now=NOW) is None
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == example


@pytest.mark.parametrize("status", [s for s in ExampleStatus if s not in ("awaiting_labels", "accepted")])
def test_what_is_decided_is_not_handed_out(persona: Persona, ada: Tester, status: ExampleStatus) -> None:
    TrainingExampleFactory(persona=persona, status=status)
    assert lease_next_example(tester=ada, persona=persona, now=NOW) is None


def test_what_may_not_be_trained_on_is_not_asked_about(persona: Persona, ada: Tester) -> None:
    TrainingExampleFactory(persona=persona, consent=False)
    assert lease_next_example(tester=ada, persona=persona, now=NOW) is None


def test_a_strangers_persona_and_a_paused_tester_are_refused(persona: Persona, ada: Tester) -> None:
    TrainingExampleFactory(persona=persona)
    with pytest.raises(NotAllowed):
        lease_next_example(tester=TesterFactory(), persona=persona, now=NOW)
    Tester.objects.update(status=TesterStatus.PAUSED)
    with pytest.raises(NotAllowed):
        lease_next_example(tester=ada, persona=persona, now=NOW)
    assert not TrainingExample.objects.exclude(leased_to=None).exists()


def test_what_is_skipped_is_somebody_elses_to_answer(persona: Persona, ada: Tester, ben: Tester) -> None:
    example = TrainingExampleFactory(persona=persona)
    lease_next_example(tester=ada, persona=persona, now=NOW)
    skip_example(tester=ada, example=example, reason="unclear")
    assert lease_next_example(tester=ada, persona=persona, now=NOW) is None
    assert lease_next_example(tester=ben, persona=persona, now=NOW) == example
    assert lease_next_example(tester=ada, persona=persona, now=NOW + timedelta(days=1)) is None


def test_progress_counts_today_and_what_is_left(persona: Persona, ada: Tester) -> None:
    examples = TrainingExampleFactory.create_batch(3, persona=persona)
    TrainingExampleFactory()  # a stranger's
    submit_label(tester=ada, example=examples[0], payload=LOST, now=NOW)
    label = examples[0].labels.get()
    progress = review_progress(tester=ada, persona=persona, now=label.updated_at)
    assert (progress.labelled_today, progress.left, progress.total) == (1, 2, 3)
    tomorrow = label.updated_at + timedelta(days=1)
    assert review_progress(tester=ada, persona=persona, now=tomorrow).labelled_today == 0


def test_more_than_a_thousand_are_not_counted_to_the_end(
    persona: Persona, ada: Tester, django_assert_num_queries: Any
) -> None:
    """And then there is no bar: what has no end in sight has no share of it done."""
    examples = TrainingExample.objects.bulk_create(TrainingExampleFactory.build_batch(1_002, persona=persona))
    web = Client()
    web.force_login(ada.user)
    with django_assert_num_queries(1):
        assert [(desk.waiting, desk.waiting_words) for desk in desks_of(testers=[ada])] == [(1_001, "1,000+")]
    assert '<span class="number">1,000+</span> to label' in web.get("/review/?all=1").content.decode()
    desk = web.get(f"/review/{persona.organization.slug}/{persona.slug}/").content.decode()
    assert ('<strong class="number">1,000+</strong> left' in desk, "<progress" in desk) == (True, False)
    shown: list[tuple[str, bool]] = []
    for example in examples[:2]:
        submit_label(tester=ada, example=example, payload=LOST, now=NOW)
        with django_assert_num_queries(3 + (len(shown) > 0)):  # labels, gold answers, what is left, gold items ahead
            progress = review_progress(tester=ada, persona=persona, now=NOW)
        shown.append((progress.left_words, progress.labelled_today + progress.left == progress.total))
    assert shown == [("1,000+", False), ("1,000", True)]
    assert desks_of(testers=[ada])[0].waiting_words == "1,000"


def test_an_empty_queue_says_why(persona: Persona, ada: Tester, ben: Tester) -> None:
    Persona.objects.update(labels_per_example=2)

    def why() -> tuple[int, ...]:
        empty = explain_empty_queue(tester=ada, persona=persona, now=NOW)
        return empty.examples, empty.labelled_by_me, empty.skipped_by_me, empty.elsewhere, empty.for_staff

    assert why() == (0, 0, 0, 0, 0)
    examples = TrainingExampleFactory.create_batch(2, persona=persona)
    submit_label(tester=ada, example=examples[0], payload=LOST, now=NOW)
    assert why() == (2, 1, 0, 0, 0)
    lease_next_example(tester=ben, persona=persona, now=NOW)
    submit_label(tester=ben, example=examples[0], payload=LOST, now=NOW)
    lease_next_example(tester=ben, persona=persona, now=NOW)
    assert why() == (2, 0, 0, 1, 0)
    skip_example(tester=ada, example=examples[1], reason="language")
    assert why() == (2, 0, 1, 0, 0)
    report_example(tester=ada, example=examples[1], reason="broken")
    TrainingExample.objects.filter(pk=examples[0].pk).update(
        status=ExampleStatus.DISPUTED, accepted_at=None, accepted_by=""
    )
    assert why() == (2, 0, 0, 0, 2)
