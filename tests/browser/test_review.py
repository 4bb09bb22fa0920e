"""The review desk as testers use it: with a keyboard, with a thumb, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from apps.contributions.models import Label, Skip, Tester, TrainingExample
from apps.contributions.services import report_example, submit_label
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.browser.conftest import Visitor
from tests.factories import MembershipFactory, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db(transaction=True)
DESK = "/review/bank/coder/"
CODES = [{"code": f"code_{n}", "title": f"Title {n}", "description": f"About matter {n}."} for n in range(1, 21)]


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(slug="coder", organization__slug="bank", settings={"codes": CODES})
    TrainingExampleFactory.create_batch(4, persona=persona)
    return persona


@pytest.fixture
def tester(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization)
    return tester


def _open(someone: Visitor, tester: Tester) -> Page:
    """The desk, without a screenshot yet: taking one leaves a style attribute behind, which htmx would copy."""
    someone.sign_in(tester.user)
    someone.page.goto(someone.base_url + DESK, wait_until="networkidle")
    return someone.page


def _next(page: Page, act: Callable[[], Any]) -> None:
    """Do something, and wait until another item is on the screen, and listens."""
    before = page.inner_text("blockquote")
    act()
    page.wait_for_function("text => document.querySelector('blockquote')?.innerText !== text", arg=before)
    expect(page.locator("#question")).to_be_focused()  # a screen reader goes on from there


def _look(someone: Visitor, name: str) -> None:
    """Keep a screenshot on the way, without the style attributes that taking it leaves behind: htmx would copy them."""
    someone.look(name)
    someone.page.evaluate("document.querySelectorAll('[style]').forEach(one => one.removeAttribute('style'))")


def test_labelling_with_the_keyboard_alone(tester: Tester, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("desktop")
    page = _open(someone, tester)
    page.keyboard.press("3")
    _next(page, lambda: page.keyboard.press("Enter"))
    page.keyboard.press("/")
    page.keyboard.type("title 17")
    expect(page.locator("#codes [data-choice]:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    _next(page, lambda: page.keyboard.press("Enter"))
    page.keyboard.press("/")
    page.keyboard.type("matter 20")  # in no title: descriptions are searched then
    page.keyboard.press("Enter")
    _next(page, lambda: page.keyboard.press("Enter"))
    said = [label.payload["code"] for label in Label.objects.order_by("pk")]
    assert said == ["code_3", "code_17", "code_20"]
    expect(page.locator("header.page-head")).to_contain_text("3 labelled today, 1 left")
    assert someone.problems == []


def test_every_key_of_the_desk(tester: Tester, visitor: Callable[[str], Visitor]) -> None:
    """Take back, skip, report, help: nothing needs a mouse."""
    someone = visitor("desktop")
    page = _open(someone, tester)
    first = page.inner_text("blockquote")
    page.keyboard.press("Enter")  # nothing is chosen: the browser says so, and nothing is sent
    expect(page.locator("input[value=code_1]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    _next(page, lambda: page.keyboard.press("Enter"))
    _next(page, lambda: page.keyboard.press("Backspace"))
    expect(page.locator("blockquote")).to_have_text(first)
    expect(page.locator("input[value=code_2]")).to_be_checked()  # what was said stands there again
    assert not Label.objects.exists()
    page.keyboard.press("s")
    expect(page.locator("details[data-aside=s] input").first).to_be_attached()
    page.keyboard.press("3")
    _look(someone, "review-skipping")
    _next(page, lambda: page.keyboard.press("Enter"))
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.keyboard.press("Tab")
    page.keyboard.type("There is a name? 1 r s")  # letters, while one writes
    _look(someone, "review-reporting")
    _next(page, lambda: page.keyboard.press("Enter"))
    said = [(skip.reason, skip.note, skip.is_report) for skip in Skip.objects.order_by("pk")]
    assert said == [("not_my_field", "", False), ("personal_data", "There is a name? 1 r s", True)]
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("4")  # of no use while help is open
    _look(someone, "review-help")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#codes input:checked")).to_have_count(0)
    _next(page, lambda: page.keyboard.press("Backspace"))  # a report can be taken back as well
    assert Skip.objects.get().is_report is False
    assert someone.problems == []


@pytest.fixture
def avatar(persona: Persona) -> Persona:
    """Where testers write."""
    avatar: Persona = PersonaFactory(
        slug="avatar", name="Nora of the bakery", organization=persona.organization, task="conversation", settings={},
        guidelines="Nora is friendly and brief.\n\nShe never promises a time.",
    )  # fmt: skip
    history = [
        {"role": "user", "content": "Hi Nora!"},
        {"role": "assistant", "content": "Good morning! Bread or cake?"},
    ]
    for question in ("Both, please. When are you open?", "And on Sunday?"):
        TrainingExampleFactory(
            persona=avatar, kind="chat_turn", source="chat", input={"history": history, "message": question},
            output={"text": "We are open from seven to six, and I will keep a loaf for you."},
        )  # fmt: skip
    return avatar


@pytest.mark.parametrize("window", ["desktop", "phone"])
def test_writing_with_the_keyboard(
    tester: Tester, avatar: Persona, visitor: Callable[[str], Visitor], window: str
) -> None:
    someone = visitor(window)
    someone.sign_in(tester.user)
    page = someone.page
    page.goto(f"{someone.base_url}/review/bank/{avatar.slug}/", wait_until="networkidle")
    words = page.locator("textarea[name=text]")
    page.locator("details[data-diff] summary").click()
    expect(page.locator("#diff")).to_contain_text("Nothing so far")
    words.fill("We open at seven, and I will keep a loaf for you.")
    expect(page.locator("#diff ins")).to_have_text(["[added: at]"])
    words.press("End")
    words.press_sequentially(" 1 sr?")
    assert words.input_value().endswith("for you. 1 sr?")
    expect(page.locator("#diff ins").last).to_contain_text("1 sr?")
    _look(someone, "review-writing")
    _next(page, lambda: words.press("Control+Enter"))
    label = Label.objects.get()
    assert label.payload == {"text": "We open at seven, and I will keep a loaf for you. 1 sr?"}
    assert label.answer_similarity is not None
    assert someone.problems == []


def test_what_was_typed_survives_a_mistake(tester: Tester, persona: Persona, visitor: Callable[[str], Visitor]) -> None:
    page_of = {"version": "1.0", "metadata": {"title": "Bread"}, "sections": [{"type": "hero", "title": "Bread"}]}
    builder = PersonaFactory(slug="builder", organization=persona.organization, task="page_builder", settings={})
    TrainingExampleFactory(
        persona=builder, kind="page_generation", output=page_of,
        input={"prompt": "A page for a bakery", "context": "", "current_page": None},
    )  # fmt: skip
    someone = visitor("desktop")
    someone.sign_in(tester.user)
    page = someone.page
    page.goto(f"{someone.base_url}/review/bank/builder/", wait_until="networkidle")
    page.fill("textarea[name=answer]", '{"version": "1.0", "title" "mine"}')
    page.press("textarea[name=answer]", "Control+Enter")
    expect(page.locator("#label-error")).to_be_focused()  # it is read first
    expect(page.locator("#label-error")).to_contain_text("line 1, column 28")
    assert page.input_value("textarea[name=answer]") == '{"version": "1.0", "title" "mine"}'
    _look(someone, "review-mistake")
    assert not Label.objects.exists()
    TrainingExample.objects.update(leased_to=None, leased_until=None, status="rejected")
    page.press("textarea[name=answer]", "Control+Enter")
    expect(page.locator("#unsaved")).to_have_value('{"version": "1.0", "title" "mine"}')
    someone.look("review-too-late")
    assert someone.problems == []


def test_labelling_and_skipping_on_a_phone(tester: Tester, visitor: Callable[[str], Visitor]) -> None:
    someone = visitor("phone")
    page = _open(someone, tester)
    page.click("text=Title 12")
    meaning = page.locator("#codes").get_by_text("About matter 12.")
    expect(meaning).to_be_visible()  # shown once the code is chosen
    save = page.locator("button:has-text('Save and next')").bounding_box()
    assert save is not None
    assert save["y"] < 900  # in reach, though twenty codes are longer than the window
    _next(page, lambda: page.click("text=Save and next"))
    page.click("a:has-text('I cannot tell')")
    page.click("text=More than one answer is right")
    _next(page, lambda: page.click("text=Skip it"))
    assert Label.objects.get().payload == {"code": "code_12"}
    assert Skip.objects.get().reason == "two_fit"
    assert TrainingExample.objects.filter(leased_to=tester).count() == 1
    someone.look(DESK)
    assert someone.problems == []


def test_everything_works_without_scripts(tester: Tester, avatar: Persona, browser: Browser, live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    someone = Visitor(context.new_page(), live_server.url, "desktop")
    page = _open(someone, tester)
    assert not page.is_visible("#find-code")
    assert not page.is_visible("text=Keys")
    page.check("input[value=code_5]")
    page.click("text=Save and next")
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today, 3 left")
    page.click("text=Take back the last one")
    expect(page.locator("input[value=code_5]")).to_be_checked()
    page.click("text=Save and next")
    assert Label.objects.get().payload == {"code": "code_5"}
    page.click("summary:has-text('I cannot tell')")
    page.check("details[open] input[value=unclear]")
    page.click("text=Skip it")
    page.click("text=Something is wrong with it")
    page.check("details[open] input[value=broken]")
    page.click("text=Report it")
    expect(page.locator("header.page-head")).to_contain_text("1 labelled today, 1 left")
    page.goto(f"{someone.base_url}/review/bank/{avatar.slug}/")
    page.fill("textarea[name=text]", "We open at seven.")
    page.click("text=What you changed of the model’s answer")
    page.click("text=Compare")
    expect(page.locator("#diff del").first).to_be_visible()
    assert page.input_value("textarea[name=text]") == "We open at seven."
    context.close()


@pytest.fixture
def manager(persona: Persona) -> User:
    user: User = MembershipFactory(organization=persona.organization, role="manager", user__is_staff=True).user
    return user


@pytest.mark.parametrize("window", ["desktop", "phone"])
def test_staff_decide_one_after_the_other(
    tester: Tester, avatar: Persona, manager: User, visitor: Callable[[str], Visitor], window: str
) -> None:
    Persona.objects.update(labels_per_example=2)
    ben = TesterFactory(organization=tester.organization, display_name="Ben")
    coder = Persona.objects.get(slug="coder")
    asked = TrainingExample.objects.order_by("pk")
    for example in [*asked.filter(persona=avatar), *asked.filter(persona=coder)[:2]]:
        written = example.persona_id == avatar.pk
        for who, code, text in [(tester, "code_1", "We open at seven."), (ben, "code_2", "Seven to six, as always.")]:
            said = {"text": text} if written else {"code": code}
            submit_label(tester=who, example=example, payload=said, seconds_spent=40, now=timezone.now())
    report_example(tester=ben, example=asked.filter(persona=coder)[2], reason="harmful", note="Rude.")
    someone = visitor(window)
    someone.sign_in(manager)
    page = someone.page
    page.goto(f"{someone.base_url}/admin/contributions/trainingexample/resolve/")
    someone.look("admin-resolve-codes")
    page.check("text=Title 1")
    page.click("text=Accept and next")
    page.click("text=None of them: write another")
    page.check("label:has-text('Title 7')")
    page.click("text=Accept this and next")
    expect(page.locator("h1")).to_contain_text("awaiting labels")
    someone.look("admin-resolve-reported")
    page.fill("#note", "It is only cheeky.")
    page.click("text=Nothing is wrong: put it back")
    expect(page.locator("blockquote")).to_contain_text("Both, please.")
    page.click("text=Against the model’s answer >> nth=0")
    someone.look("admin-resolve-written")
    page.check("label:has-text('We open at seven.')")
    page.click("text=Accept and next")
    page.click("text=Reject it")
    page.fill("#reason", "Nobody knows.")
    page.click("text=Reject and next")
    expect(page.locator("h1")).to_have_text("Nothing waits for you")
    someone.look("admin-resolve-nothing")
    someone.visit(f"/admin/contributions/label/quality/?persona={coder.pk}")
    someone.visit(f"/admin/contributions/label/quality/?persona={avatar.pk}")
    decided = TrainingExample.objects.exclude(status="awaiting_labels").order_by("pk")
    assert [(one.status, one.accepted_label) for one in decided] == [
        ("accepted", {"code": "code_1"}),
        ("accepted", {"code": "code_7"}),
        ("accepted", {"text": "We open at seven."}),
        ("rejected", None),
    ]
    tester_home = visitor(window)
    tester_home.sign_in(tester.user)
    tester_home.visit("/review/?all=1")
    assert [*someone.problems, *tester_home.problems] == []
