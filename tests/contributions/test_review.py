import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.common.audit import SYSTEM
from apps.contributions.enums import TesterStatus
from apps.contributions.models import GoldAnswer, Label, Skip, Tester, TrainingExample
from apps.contributions.services import CONSENT_WORDING, capture_example, report_example, submit_label
from apps.contributions.views import WORDING_ID
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.factories import NOW, MembershipFactory, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory

pytestmark = pytest.mark.django_db
DESK = "/review/bank/coder/"
PAGE = {"version": "1.0", "metadata": {"title": "Bread"}, "sections": [{"type": "hero", "title": "Bread"}]}
VALID = {"answer": json.dumps(PAGE)}


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(
        slug="coder",
        name="Question coder",
        organization__slug="bank",
        organization__name="Bank",
        guidelines="Read <twice>.",
    )
    return persona


@pytest.fixture
def tester(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


@pytest.fixture
def builder(persona: Persona) -> Persona:
    """Where testers write, so that there is something to lose and to compare."""
    builder: Persona = PersonaFactory(
        slug="builder", organization=persona.organization, task="page_builder", settings={}
    )
    return builder


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def web(tester: Tester) -> Client:
    return _signed_in(tester.user)


@pytest.mark.parametrize("url", ["/review/", "/review/bank/", DESK])
def test_who_is_not_signed_in_is_asked_to(url: str) -> None:
    response = Client().get(url)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


def test_with_one_persona_the_desk_is_where_one_lands(web: Client) -> None:
    assert web.get("/review/")["Location"] == DESK


def test_with_several_there_is_a_choice_with_counts(persona: Persona, web: Client) -> None:
    PersonaFactory(slug="other", name="Other coder", organization=persona.organization)
    PersonaFactory(slug="theirs", name="Their coder")
    PersonaFactory(slug="off", name="Retired coder", organization=persona.organization, is_active=False)
    TrainingExampleFactory.create_batch(2, persona=persona)
    page = web.get("/review/").content.decode()
    assert '<span class="number">2</span> to label' in page
    assert "Nothing to label at present" in page
    assert ("Other coder" in page, "Their coder" in page, "Retired coder" in page) == (True, False, False)


def test_ones_own_numbers_stand_beside_the_choice(persona: Persona, web: Client, tester: Tester) -> None:
    assert "Your numbers" not in web.get("/review/?all=1").content.decode()  # there are none yet
    right, wrong = TrainingExampleFactory.create_batch(2, persona=persona)
    submit_label(tester=tester, example=right, payload={"code": "lost_card"}, seconds_spent=9, now=NOW)
    for example, score in ((right, 1.0), (wrong, 0.0)):
        GoldAnswer.objects.create(organization=persona.organization, example=example, tester=tester, score=score)
    page = web.get("/review/?all=1").content.decode()
    for words in ("100 %", "1 of 1", "50 %", "9 % to 91 %, from 2", "9 s"):
        assert words in page, words
    assert "card number" not in page  # of the gold items, no more than how many were right


def test_who_is_no_tester_is_told_so() -> None:
    page = _signed_in(UserFactory(email="me@example.org")).get("/review/")
    assert page.status_code == 200
    assert "You are not a tester yet" in page.content.decode()
    assert "me@example.org" in page.content.decode()


def test_a_paused_tester_is_told_so(web: Client) -> None:
    Tester.objects.update(status=TesterStatus.PAUSED)
    assert "has set your work to “paused”" in web.get("/review/").content.decode()
    page = web.get(DESK)
    assert page.status_code == 403
    assert "You are paused as a tester." in page.content.decode()


def test_consent_comes_before_the_first_label(tester: Tester, web: Client) -> None:
    Tester.objects.update(status=TesterStatus.INVITED, consented_at=None, consent_wording="")
    for url in ("/review/", DESK):
        assert web.get(url)["Location"] == "/review/bank/"
    page = web.get("/review/bank/").content.decode()
    assert "They do not change any vendor&#x27;s base model" in page
    response = web.post("/review/bank/", {"wording_id": WORDING_ID})
    assert response["Location"] == "/review/"
    tester.refresh_from_db()
    assert (tester.status, tester.consent_wording) == (TesterStatus.ACTIVE, CONSENT_WORDING)


def test_agreeing_to_an_older_wording_asks_again(tester: Tester, web: Client) -> None:
    Tester.objects.update(status=TesterStatus.INVITED, consented_at=None, consent_wording="")
    response = web.post("/review/bank/", {"wording_id": "of-yesterday"})
    assert response.status_code == 409
    assert "The wording has changed" in response.content.decode()
    tester.refresh_from_db()
    assert tester.consented_at is None


def test_what_was_agreed_to_can_be_read_again(web: Client) -> None:
    page = web.get("/review/bank/").content.decode()
    assert "I agree that my labels train this organization&#x27;s models." in page  # what this tester once agreed to
    assert "The wording has changed since" in page


def test_an_example_is_shown_with_guidelines_codebook_and_form(persona: Persona, web: Client) -> None:
    example = TrainingExampleFactory(persona=persona, input={"text": 'It\'s <b>gone</b> & "lost"'})
    page = web.get(DESK).content.decode()
    assert "It&#x27;s &lt;b&gt;gone&lt;/b&gt; &amp; &quot;lost&quot;" in page
    assert "Read &lt;twice&gt;." in page
    assert page.count('name="code"') == 3
    assert "The card is lost or stolen." in page
    assert f'action="/review/bank/coder/{example.pk}/"' in page
    assert 'name="rating"' not in page
    assert "checked" not in page
    assert "<script>" not in page
    assert "style=" not in page


def test_a_models_answer_is_shown_and_filled_in(persona: Persona, web: Client) -> None:
    _captured(persona, {"code": "exchange_rate", "confidence": "low"})
    page = web.get(DESK).content.decode()
    assert "What the model answered" in page
    assert 'value="exchange_rate" required checked' in page
    assert page.count('name="rating"') == 5


def test_an_answer_that_is_no_code_is_shown_and_fills_nothing_in(persona: Persona, web: Client) -> None:
    _captured(persona, {"code": "<img src=x>"})
    page = web.get(DESK).content.decode()
    assert "&lt;img src=x&gt;" in page
    assert "checked" not in page


def _captured(persona: Persona, output: dict[str, str]) -> TrainingExample:
    example = capture_example(
        persona=persona, kind="survey_answer", source="run", input={"text": "What is it?"}, output=output,
        response_id="r1", by=SYSTEM,
    )  # fmt: skip
    assert example is not None
    return example


def test_labelling_leads_to_the_next_example(persona: Persona, web: Client) -> None:
    first, second = TrainingExampleFactory.create_batch(2, persona=persona)
    web.get(DESK)
    response = web.post(f"{DESK}{first.pk}/", {"code": "lost_card", "rating": "4"}, follow=True)
    assert response.redirect_chain == [(DESK, 302)]
    page = response.content.decode()
    assert f'action="/review/bank/coder/{second.pk}/"' in page
    assert '<strong class="number">1</strong> labelled today' in page
    label = Label.objects.get()
    assert (label.example, label.payload, label.rating) == (first, {"code": "lost_card"}, 4)
    assert label.seconds_spent in range(60)  # of the machine, which may be busy


def test_htmx_gets_only_what_changes(persona: Persona, web: Client) -> None:
    example = TrainingExampleFactory(persona=persona)
    page = web.get(DESK, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert f'hx-post="/review/bank/coder/{example.pk}/"' in page


@pytest.mark.parametrize("sent", [{}, {"code": "unknown"}, {"code": ""}])
def test_a_wrong_label_is_explained_and_the_example_stays(persona: Persona, web: Client, sent: dict[str, str]) -> None:
    example = TrainingExampleFactory(persona=persona)
    web.get(DESK)
    response = web.post(f"{DESK}{example.pk}/", sent)
    page = response.content.decode()
    assert (response.status_code, page.count("message--error")) == (400, 1)
    assert f'action="/review/bank/coder/{example.pk}/"' in page
    assert 'aria-describedby="label-error"' in page
    assert not Label.objects.exists()


def test_what_was_typed_is_kept_where_something_is_wrong_with_it(builder: Persona, web: Client) -> None:
    example = TrainingExampleFactory(
        persona=builder, kind="page_generation", input={"prompt": "A page", "context": "", "current_page": None},
        output=PAGE,
    )  # fmt: skip
    url = f"/review/bank/builder/{example.pk}/"
    web.get("/review/bank/builder/")
    response = web.post(url, {"answer": '{"version": "1.0", <b>', "rating": "2"})
    page = response.content.decode()
    assert (response.status_code, Label.objects.count()) == (400, 0)
    assert "line 1, column 20" in page
    assert "{&quot;version&quot;: &quot;1.0&quot;, &lt;b&gt;</textarea>" in page
    assert 'name="rating" value="2" checked' in page
    by_htmx = web.post(url, {"answer": "{"}, headers={"HX-Request": "true"})
    assert by_htmx.status_code == 200  # of anything else htmx would show nothing
    assert "line 1, column 2" in by_htmx.content.decode()


@pytest.mark.parametrize("rating", ["", "x", "²", "6", "-1"])
def test_a_rating_that_is_none_stores_no_wrong_number(persona: Persona, web: Client, rating: str) -> None:
    example = TrainingExampleFactory(persona=persona)
    web.post(f"{DESK}{example.pk}/", {"code": "lost_card", "rating": rating})
    assert set(Label.objects.values_list("rating", flat=True)) <= {None}


def test_what_another_tester_took_over_is_explained_and_can_be_copied(builder: Persona, web: Client) -> None:
    ben = TesterFactory(organization=builder.organization)
    soon = timezone.now() + timedelta(minutes=10)
    kept = {"kind": "page_generation", "output": PAGE}
    asked = [{"prompt": f"A page {n}", "context": "", "current_page": None} for n in range(2)]
    theirs = TrainingExampleFactory(persona=builder, input=asked[0], leased_to=ben, leased_until=soon, **kept)
    mine = TrainingExampleFactory(persona=builder, input=asked[1], **kept)
    for typed in ('{"mine": "<b>"}', '{"mine": "<b>"'):  # complete or not: nothing of it is lost
        response = web.post(f"/review/bank/builder/{theirs.pk}/", {"answer": typed})
        page = response.content.decode()
        assert (response.status_code, "no JSON" in page) == (409, False)
        copied = page.partition('id="unsaved"')[2].partition("</textarea>")[0]
        assert "mine&quot;: &quot;&lt;b&gt;&quot;" in copied
        assert f'action="/review/bank/builder/{mine.pk}/"' in page
        assert "A page 0" not in page
    assert "was handed to another tester" in web.post(f"/review/bank/builder/{theirs.pk}/", VALID).content.decode()
    assert not Label.objects.exists()


def test_a_label_after_the_lease_ended_counts_if_nobody_took_over(
    persona: Persona, web: Client, tester: Tester
) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    example = TrainingExampleFactory(persona=persona, leased_to=tester, leased_until=long_ago)
    web.post(f"{DESK}{example.pk}/", {"code": "lost_card"})
    assert Label.objects.get().payload == {"code": "lost_card"}


def test_the_difference_to_the_models_answer_is_shown(builder: Persona, web: Client) -> None:
    example = TrainingExampleFactory(
        persona=builder, kind="page_generation", input={"prompt": "A page", "context": "", "current_page": None},
        output=PAGE,
    )  # fmt: skip
    url = f"/review/bank/builder/{example.pk}/diff/"
    web.get("/review/bank/builder/")
    typed = {"answer": json.dumps({**PAGE, "metadata": {"title": "Cakes <b>"}})}
    page = web.post(url, typed).content.decode()
    assert '<del><span class="visually-hidden">[removed: </span>Bread<span' in page
    assert '<ins><span class="visually-hidden">[added: </span>Cakes &lt;b&gt;<span' in page
    assert "Cakes &lt;b&gt;" in page.partition("<textarea")[2]
    part = web.post(url, typed, headers={"HX-Request": "true"}).content.decode()
    assert ("<ins>" in part, "<form" in part) == (True, False)
    same = {"answer": json.dumps(PAGE)}
    assert "Nothing so far" in web.post(url, same, headers={"HX-Request": "true"}).content.decode()
    assert "it is no JSON" in web.post(url, {"answer": "{"}, headers={"HX-Request": "true"}).content.decode()
    assert not Label.objects.exists()


def test_what_is_not_on_ones_desk_cannot_be_read_there(persona: Persona, web: Client) -> None:
    """Neither what others decided or reported, nor what is on another's screen: not by guessing its number."""
    ben, soon = TesterFactory(organization=persona.organization), timezone.now() + timedelta(minutes=10)
    secret = {"persona": persona, "input": {"text": "Secret words"}}
    hidden = [
        TrainingExampleFactory(**secret, status="rejected"),
        TrainingExampleFactory(**secret, leased_to=ben, leased_until=soon),
        TrainingExampleFactory(**secret, consent=False),
        reported := TrainingExampleFactory(**secret),
    ]
    report_example(tester=ben, example=reported, reason="harmful")
    for example in hidden:
        for path in ("", "diff/", "undo/"):
            page = web.post(f"{DESK}{example.pk}/{path}", {"code": ""}, follow=True)
            assert "Secret" not in page.content.decode()


def test_history_is_read_before_the_question(persona: Persona, web: Client) -> None:
    Persona.objects.filter(pk=persona.pk).update(task="conversation", settings={})
    history = [{"role": "user", "content": "Hello <b>"}, {"role": "assistant", "content": "Morning!"}]
    TrainingExampleFactory(persona=persona, kind="chat_turn", input={"history": history, "message": "Cake?"})
    page = web.get(DESK).content.decode()
    places = [page.index(words) for words in ("Hello &lt;b&gt;", "Morning!", "Cake?")]
    assert places == sorted(places)
    assert page.count("Morning!") == 1


def test_skipping_leads_on_and_is_remembered(persona: Persona, web: Client) -> None:
    first, second = TrainingExampleFactory.create_batch(2, persona=persona)
    web.get(DESK)
    page = web.post(f"{DESK}{first.pk}/skip/", {"reason": "unclear", "note": "Which?"}, follow=True).content.decode()
    assert f'action="/review/bank/coder/{second.pk}/"' in page
    page = web.post(f"{DESK}{second.pk}/skip/", {"reason": "language"}, follow=True).content.decode()
    assert "2 examples that you skipped wait" in page
    assert [(skip.reason, skip.note, skip.is_report) for skip in Skip.objects.order_by("pk")] == [
        ("unclear", "Which?", False),
        ("language", "", False),
    ]


@pytest.mark.parametrize("act", ["skip", "report"])
@pytest.mark.parametrize("sent", [{}, {"reason": "nonsense"}, {"reason": "other", "note": "x" * 1001}])
def test_without_a_reason_nothing_is_set_aside(persona: Persona, web: Client, act: str, sent: dict[str, str]) -> None:
    example = TrainingExampleFactory(persona=persona)
    web.get(DESK)
    page = web.post(f"{DESK}{example.pk}/{act}/", sent, follow=True).content.decode()
    assert page.count("message--error") == 1
    assert f'action="/review/bank/coder/{example.pk}/"' in page
    assert not Skip.objects.exists()


def test_what_is_reported_is_on_nobodys_desk(persona: Persona, web: Client) -> None:
    example = TrainingExampleFactory(persona=persona)
    web.get(DESK)
    page = web.post(f"{DESK}{example.pk}/report/", {"reason": "personal_data"}, follow=True).content.decode()
    assert "Reported: staff will look at it." in page
    assert "1 example waits for staff" in page
    assert f"{DESK}{example.pk}/" not in page.replace(f"{DESK}{example.pk}/undo/", "")
    ben = _signed_in(TesterFactory(organization=persona.organization).user)
    assert f"{DESK}{example.pk}/" not in ben.get(DESK).content.decode()


def test_an_empty_desk_says_why(persona: Persona, web: Client) -> None:
    assert "Nothing has come in yet" in web.get(DESK).content.decode()
    example = TrainingExampleFactory(persona=persona)
    page = web.post(f"{DESK}{example.pk}/", {"code": "lost_card"}, follow=True).content.decode()
    assert "All done. Thank you!" in page
    Persona.objects.update(labels_per_example=2)
    example = TrainingExampleFactory(persona=persona)
    page = web.post(f"{DESK}{example.pk}/", {"code": "lost_card"}, follow=True).content.decode()
    assert "1 example still waits for other" in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_find_nothing(persona: Persona, method: str) -> None:
    """A tester of another organization, and a member of this one who is no tester."""
    example = TrainingExampleFactory(persona=persona)
    for user in (TesterFactory().user, MembershipFactory(organization=persona.organization).user):
        client = _signed_in(user)
        for url in (
            DESK,
            "/review/bank/",
            f"{DESK}{example.pk}/",
            f"{DESK}{example.pk}/skip/",
            f"{DESK}{example.pk}/undo/",
        ):
            assert getattr(client, method)(url).status_code in (404, 405)
    assert not Label.objects.exists()
    assert TrainingExample.objects.get().leased_to is None


def test_an_example_is_only_reached_through_its_own_persona(persona: Persona, web: Client) -> None:
    sibling = TrainingExampleFactory(persona=PersonaFactory(slug="other", organization=persona.organization))
    stranger = TrainingExampleFactory()
    for example in (sibling, stranger):
        assert web.post(f"{DESK}{example.pk}/", {"code": "lost_card"}).status_code == 404
    assert not Label.objects.exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_desk_costs_the_same_however_long_the_queue(
    persona: Persona, web: Client, rows: int, django_assert_num_queries: Any
) -> None:
    TrainingExampleFactory.create_batch(rows, persona=persona)
    with django_assert_num_queries(17):
        web.get(DESK)


@pytest.mark.parametrize("personas", [1, 3])
def test_the_choice_costs_the_same_however_many_personas(
    persona: Persona, web: Client, personas: int, django_assert_num_queries: Any
) -> None:
    for _ in range(personas):
        TrainingExampleFactory(persona=PersonaFactory(organization=persona.organization))
    with django_assert_num_queries(7):
        web.get("/review/")
