"""The page on which staff decide what testers disagree about or reported, the way to the next, and label quality."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.common.audit import SYSTEM
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import GoldAnswer, Label, Skip, TrainingExample
from apps.contributions.queries import count_cases, next_case
from apps.contributions.services import mark_gold, report_example, resolve_example, submit_label
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.factories import NOW, MembershipFactory, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
NEXT = reverse("admin:contributions_trainingexample_resolve_next")
EXAMPLES = reverse("admin:contributions_trainingexample_changelist")
QUALITY = reverse("admin:contributions_label_quality")
LOST, RATE, TOP_UP = {"code": "lost_card"}, {"code": "exchange_rate"}, {"code": "top_up_failed"}

VISIT = {"url": "https://kettles.example.com/cart", "mission": "Use the coupon <SPRING>.", "persona": "age: 71"}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(name="Question coder", labels_per_example=2)
    return persona


def _staff(persona: Persona, role: str = "manager") -> User:
    member = MembershipFactory(organization=persona.organization, role=role, user__is_staff=True)
    user: User = member.user
    return user


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def manager(persona: Persona) -> User:
    return _staff(persona)


@pytest.fixture
def staff(manager: User) -> Client:
    return _signed_in(manager)


def _page(example: TrainingExample) -> str:
    return reverse("admin:contributions_trainingexample_resolve_this", args=[example.pk])


def _disputed(persona: Persona, *said: dict[str, str], **fields: Any) -> TrainingExample:
    example: TrainingExample = TrainingExampleFactory(persona=persona, **fields)
    for number, payload in enumerate(said or (LOST, RATE)):
        tester = TesterFactory(organization=persona.organization, display_name=f"Tester <{number}>")
        submit_label(tester=tester, example=example, payload=payload, seconds_spent=7 + number, now=NOW)
    return example


def _reported(persona: Persona) -> TrainingExample:
    example: TrainingExample = TrainingExampleFactory(persona=persona)
    tester = TesterFactory(organization=persona.organization)
    report_example(tester=tester, example=example, reason="harmful", note="It says <b>.")
    return example


def _hash(example: TrainingExample, payload: dict[str, str]) -> str:
    return next(label.payload_hash for label in Label.objects.filter(example=example) if label.payload == payload)


def test_the_oldest_that_waits_comes_first_and_then_the_next(persona: Persona, staff: Client, manager: User) -> None:
    TrainingExampleFactory(persona=persona)  # waits for testers
    first, second = _disputed(persona), _reported(persona)
    _disputed(PersonaFactory(labels_per_example=2))  # a stranger's
    waiting = count_cases(user=manager)
    assert (waiting.disputed, waiting.reported) == (1, 1)
    assert staff.get(NEXT)["Location"] == _page(first)
    assert staff.get(NEXT, {"after": first.pk})["Location"] == _page(second)
    assert staff.get(NEXT, {"after": second.pk})["Location"] == _page(first)  # from the beginning again
    assert next_case(user=_staff(persona, "viewer")) is None
    for nonsense in ("x", "²", "9" * 30, "-1"):
        assert staff.get(NEXT, {"after": nonsense})["Location"] == _page(first)


def test_the_page_tells_all_there_is_to_know(persona: Persona, staff: Client) -> None:
    example = _disputed(
        persona, input={"text": "Where <is> it?"}, output={"code": "exchange_rate", "confidence": "low"}
    )
    page = staff.get(_page(example)).content.decode()
    for words in ("Where &lt;is&gt; it?", "Tester &lt;0&gt;", "Lost card", "Exchange rate", "What the model answered"):
        assert words in page, words
    assert page.count("1 of 2:") == 2
    assert '<td class="table__number" data-label="Seconds">8</td>' in page
    assert '<strong class="number">1</strong> where labels disagree' in page


def test_written_labels_are_compared_with_the_models_answer(staff: Client, persona: Persona) -> None:
    Persona.objects.filter(pk=persona.pk).update(task="conversation", settings={})
    persona.refresh_from_db()
    history = [{"role": "user", "content": "Good <morning>"}]
    example = _disputed(
        persona, {"text": "Bread, please"}, {"text": "Cake <b>"}, kind="chat_turn",
        input={"history": history, "message": "What do you want?"}, output={"text": "Bread"},
    )  # fmt: skip
    page = staff.get(_page(example)).content.decode()
    assert "[added: </span>, please<" in page
    assert "[added: </span>Cake &lt;b&gt;<" in page
    assert page.index("Good &lt;morning&gt;") < page.index("What do you want?")


def test_one_of_the_labels_is_accepted(persona: Persona, staff: Client) -> None:
    example = _disputed(persona)
    response = staff.post(_page(example), {"act": "choose", "label": _hash(example, RATE)}, follow=True)
    example.refresh_from_db()
    assert (example.status, example.accepted_label, example.quality_score) == (ExampleStatus.ACCEPTED, RATE, 1)
    assert [label.agrees for label in example.labels.order_by("pk")] == [False, True]
    assert "Nothing waits for you" in response.content.decode()


def test_another_label_is_written_with_the_tasks_own_form(persona: Persona, staff: Client) -> None:
    example = _disputed(persona)
    staff.post(_page(example), {"act": "write", **TOP_UP})
    example.refresh_from_db()
    assert (example.accepted_label, example.accepted_by) == (TOP_UP, example.accepted_by)
    assert not example.labels.exclude(agrees=False).exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"act": "choose"},
        {"act": "choose", "label": "0" * 64},
        {"act": "write", "code": "nonsense"},
        {"act": "write"},
        {"act": "reject"},
        {"act": "reject", "reason": "  "},
        {"act": "let_stand"},
        {"act": "reopen"},
        {"act": "nonsense"},
        {},
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    persona: Persona, staff: Client, sent: dict[str, str]
) -> None:
    example = _disputed(persona)
    before = TrainingExample.objects.values().get()
    response = staff.post(_page(example), sent)
    assert (response.status_code, response.content.decode().count("message--error")) == (400, 1)
    assert TrainingExample.objects.values().get() == before


def test_what_was_typed_is_kept(staff: Client, persona: Persona) -> None:
    Persona.objects.filter(pk=persona.pk).update(task="page_builder", settings={})
    persona.refresh_from_db()
    example = TrainingExampleFactory(
        persona=persona, kind="page_generation", status=ExampleStatus.DISPUTED,
        input={"prompt": "A page", "context": "", "current_page": None},
    )  # fmt: skip
    page = staff.post(_page(example), {"act": "write", "answer": '{"mine": <b>'}).content.decode()
    assert "{&quot;mine&quot;: &lt;b&gt;</textarea>" in page
    assert "line 1, column 10" in page
    assert 'aria-describedby="label-error label-answer-hint" aria-invalid="true"' in page
    refused = staff.post(_page(example), {"act": "reject"}).content.decode()
    assert ("reason: say why." in refused, "aria-invalid" in refused) == (True, False)


def test_rejecting_and_letting_stand_settle_reports(persona: Persona, staff: Client) -> None:
    stays, goes = _reported(persona), _reported(persona)
    assert "It says &lt;b&gt;." in staff.get(_page(stays)).content.decode()
    staff.post(_page(stays), {"act": "let_stand", "note": "Harmless."})
    staff.post(_page(goes), {"act": "reject", "reason": "spam"})
    assert not Skip.objects.filter(resolved_at=None).exists()
    statuses = [TrainingExample.objects.get(pk=example.pk).status for example in (stays, goes)]
    assert statuses == ["awaiting_labels", "rejected"]


def test_a_decision_is_taken_back(persona: Persona, staff: Client, manager: User) -> None:
    example = _disputed(persona)
    resolve_example(example=example, payload=LOST, by=manager, now=NOW)
    assert "Take the decision back" in staff.get(_page(example)).content.decode()
    staff.post(_page(example), {"act": "reopen"})
    example.refresh_from_db()
    assert example.status == ExampleStatus.DISPUTED


def test_strangers_and_viewers_decide_nothing(persona: Persona) -> None:
    example = _disputed(persona)
    form = {"act": "reject", "reason": "x"}
    stranger, viewer = _signed_in(_staff(PersonaFactory())), _signed_in(_staff(persona, "viewer"))
    assert [stranger.get(_page(example)).status_code, stranger.post(_page(example), form).status_code] == [404, 404]
    assert viewer.post(_page(example), form).status_code in (403, 404)
    assert _signed_in(TesterFactory(organization=persona.organization).user).get(_page(example)).status_code == 302
    assert TrainingExample.objects.get(pk=example.pk).status == ExampleStatus.DISPUTED


@pytest.mark.parametrize("labels", [2, 4])
def test_the_page_costs_the_same_however_many_labels(
    persona: Persona, staff: Client, labels: int, django_assert_num_queries: Any
) -> None:
    Persona.objects.update(labels_per_example=labels)
    persona.refresh_from_db()
    example = _disputed(persona, *[LOST, RATE] * (labels // 2))
    with django_assert_num_queries(11):
        staff.get(_page(example))


def test_gold_items_are_marked_from_the_list(persona: Persona, staff: Client) -> None:
    example, undecided = _disputed(persona), _disputed(persona)
    resolve_example(example=example, payload=LOST, by=SYSTEM, now=NOW)

    def act(action: str, *rows: TrainingExample) -> str:
        data = {"action": action, "_selected_action": [row.pk for row in rows]}
        content: str = staff.post(EXAMPLES, data, follow=True).content.decode()
        return content

    assert "Only accepted examples" in act("mark_gold", example, undecided)
    assert "1 gold item: testers are measured by them." in act("mark_gold", example)
    assert list(TrainingExample.objects.filter(is_gold=True)) == [example]
    assert "1 example no longer" in act("unmark_gold", example, undecided)
    assert not TrainingExample.objects.filter(is_gold=True).exists()


def test_label_quality_in_numbers(persona: Persona, staff: Client) -> None:
    for said in ([LOST, LOST], [RATE, RATE], [LOST, RATE]):
        _disputed(persona, *said)
    ada = TesterFactory(organization=persona.organization, display_name="Ada <b>")
    gold = TrainingExample.objects.accepted()[0]
    mark_gold(examples=[gold], by=SYSTEM, now=NOW)
    GoldAnswer.objects.create(organization=persona.organization, example=gold, tester=ada, payload=LOST, score=1.0)
    page = staff.get(QUALITY).content.decode()
    assert "Ada &lt;b&gt;" in page
    assert "1: 21-100 %" in page  # one right answer says little
    assert "67 %" in page  # of three examples two agree
    assert "None: it is for two testers, and here are 6: see alpha." in page


def test_labels_that_look_pasted_are_marked_and_found(persona: Persona, staff: Client) -> None:
    example = _disputed(persona)
    Label.objects.filter(example=example, payload_hash=_hash(example, RATE)).update(
        is_flagged=True, answer_similarity=1.0
    )
    labels = reverse("admin:contributions_label_changelist")
    page = staff.get(labels, {"is_flagged__exact": 1}).content.decode()
    assert ("Looks pasted" in page, "exchange_rate" in page, "lost_card" in page) == (True, True, False)
    assert "looks pasted" in staff.get(_page(example)).content.decode()


def test_label_quality_is_of_ones_own_personas(persona: Persona, staff: Client) -> None:
    other = PersonaFactory(name="Their coder")
    assert "Their coder" not in staff.get(QUALITY).content.decode()
    for asked in (other.pk, "x", "9" * 30):
        page = staff.get(QUALITY, {"persona": asked}).content.decode()
        assert "There is no such persona." in page
        assert "Their coder" not in page
    sibling = PersonaFactory(name="Sibling", organization=persona.organization)
    assert "Label quality: Sibling" in staff.get(QUALITY, {"persona": sibling.pk}).content.decode()
    assert (
        "Nobody has labelled anything of Sibling yet." in staff.get(QUALITY, {"persona": sibling.pk}).content.decode()
    )


def test_without_a_persona_there_is_nothing_to_judge() -> None:
    member = MembershipFactory(role="manager", user__is_staff=True)
    assert "There is no persona yet" in _signed_in(member.user).get(QUALITY).content.decode()


def test_the_question_is_shown_as_its_task_shows_it(persona: Persona, staff: Client) -> None:
    """What a model is sent of a website test is JSON: people read the mission, who they are, and where to go."""
    tests = PersonaFactory(organization=persona.organization, slug="tests", task="ux_test", settings={})
    visit = TrainingExampleFactory(persona=tests, kind="ux_test", input=VISIT)
    tester = TesterFactory(organization=persona.organization)
    desk = f"/review/{persona.organization.slug}/tests/"
    for page in (staff.get(_page(visit)), _signed_in(tester.user).get(desk)):
        html = page.content.decode()
        assert html.count('<blockquote class="quote">Use the coupon &lt;SPRING&gt;.</blockquote>') == 1
        assert (html.count("age: 71"), html.count(f'href="{VISIT["url"]}"'), "Test this" in html) == (1, 1, False)
    text = TrainingExampleFactory(persona=persona, input={"text": "Where is my card?"})
    assert '<blockquote class="quote">Where is my card?</blockquote>' in staff.get(_page(text)).content.decode()
