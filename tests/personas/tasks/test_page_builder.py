"""Building pages: pages, edits of sections, choices of design, calls of tools."""

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidInput
from apps.personas.tasks import PersonaFacts
from apps.personas.tasks.base import Turn
from apps.personas.tasks.page_builder import PageBuilder
from apps.personas.tasks.page_schema import SECTION_TYPES, Answer
from apps.personas.tasks.quality import Signals

TASK = PageBuilder()
FACTS = PersonaFacts("Page smith", identity="You are brief.", platform_context="A builder of pages.")
PAGE: dict[str, Any] = {
    "version": "1.0",
    "metadata": {"title": "Sailing School", "theme": {"primary": "#0b3d5c"}},
    "sections": [
        {"type": "hero", "title": "Learn to sail", "button": {"label": "Book", "href": "#book"}, "image": None},
        {"type": "pricing", "plans": [{"name": "Taster", "price": 49.5, "features": ["3 hours"]}]},
        {"type": "faq", "items": [{"question": "Must I swim?", "answer": "Yes."}]},
    ],
}
CALLS = {"tool_calls": [{"name": "create_form", "arguments": {"fields": ["name"]}}]}
DESIGN = {"design": {"colors": {"primary": "#0b3d5c"}, "fonts": {"headings": "Lora"}}, "reason": "Calm as water."}
SHAPES = [PAGE, CALLS, DESIGN]

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=30)
some_words = texts.filter(str.strip)
numbers = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15, allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
# none of the keys that have a type of their own
others = st.dictionaries(
    texts.map("x{}".format) | st.sampled_from(["model_dump", "__class__", "self"]), values, max_size=3
)
sections = st.builds(
    lambda kind, title, other: {"type": kind, "title": title, **other}, st.sampled_from(SECTION_TYPES), texts, others
)
pages = st.builds(
    lambda title, other, found: {"version": "1.0", "metadata": {"title": title, **other}, "sections": found},
    some_words, others, st.lists(sections, min_size=1, max_size=4),
)  # fmt: skip
calls = st.builds(
    lambda found: {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in found]},
    st.lists(st.tuples(some_words, others), min_size=1, max_size=3),
)
designs = st.builds(lambda design, reason: {"design": design, "reason": reason}, others.filter(bool), texts)
# prompts that look like what requests are written as
prompts = some_words | st.sampled_from(
    [
        "a\n\nContext:\nb",
        "a\n\nCurrent page:\nb",
        f"a\n\nCurrent page:\n{json.dumps(PAGE)}",
        '{"prompt":"a"}',
        '{"prompt"',
    ]
)


def _with(change: dict[str, Any], *path: Any) -> dict[str, Any]:
    """PAGE with `change` put into the object at `path`."""
    page: dict[str, Any] = json.loads(json.dumps(PAGE))
    part = page
    for step in path:
        part = part[step]
    part.update(change)
    return page


def _deep(levels: int) -> Any:
    deep: Any = 1
    for _ in range(levels):
        deep = [deep]
    return deep


def test_the_prompt_names_the_sections_that_are_offered() -> None:
    prompt = TASK.system_prompt(FACTS)
    assert prompt.startswith("You are Page smith. You are brief.\n\nYou design web pages. Answer with JSON")
    assert prompt.endswith(
        "in the order of the page: hero, features, pricing, testimonials, team, faq, gallery, booking, contact, cta."
    )
    few = PersonaFacts("P", settings={"section_types": ["hero", "cta"], "language": "German"})
    assert "in the order of the page: hero, cta.\n\nWrite the words on the page in German." in TASK.system_prompt(few)
    both = TASK.system_prompt(FACTS, include_persona=False, include_platform_context=True)
    assert both.startswith("You design web pages.")
    assert both.endswith("About the platform:\nA builder of pages.")


def test_settings_name_types_of_sections_and_a_language() -> None:
    assert TASK.clean_settings({}) == {"section_types": [], "language": ""}
    assert TASK.clean_settings({"section_types": ["faq"]})["section_types"] == ["faq"]
    for settings, param in (({"section_types": ["banner"]}, "section_types.0"), ({"tone": 1}, "tone")):
        with pytest.raises(InvalidInput) as caught:
            TASK.clean_settings(settings)
        assert caught.value.param == param


@pytest.mark.parametrize("label", SHAPES)
def test_the_three_shapes_are_kept_as_they_are(label: dict[str, Any]) -> None:
    assert TASK.clean_label(label, FACTS) == label
    assert TASK.parse_answer(json.dumps(label), FACTS) == label
    assert TASK.parse_answer(f"```json\n{json.dumps(label)}\n```", FACTS) == label
    assert Answer.model_validate(label).model_dump() == label


@given(prompts, texts, st.none() | pages, pages | calls | designs)
def test_what_is_written_is_read_back(prompt: str, context: str, page: Any, answer: dict[str, Any]) -> None:
    data = TASK.clean_input({"prompt": prompt, "context": context, "current_page": page})
    label = TASK.clean_label(answer, FACTS)
    assert TASK.read_pair(TASK.user_message(data), TASK.assistant_message(label), TASK.history(data)) == (data, label)
    assert (TASK.clean_input(data), TASK.clean_label(label, FACTS)) == (data, label)
    assert TASK.parse_answer(TASK.assistant_message(label), FACTS) == label
    assert TASK.label_of_output(label, FACTS) == label
    assert TASK.compare(label, label) == 1.0


def test_a_request_is_put_in_words() -> None:
    data = TASK.clean_input({"prompt": "Make it blue", "context": "Industry: sailing.", "current_page": PAGE})
    written = json.dumps(PAGE, separators=(",", ":"))
    assert TASK.user_message(data) == f"Make it blue\n\nContext:\nIndustry: sailing.\n\nCurrent page:\n{written}"
    assert TASK.user_message(TASK.clean_input({"prompt": "A page"})) == "A page"


def test_in_a_chat_a_request_is_about_the_page_that_was_answered_last() -> None:
    older = _with({"title": "Old"}, "metadata")
    said = [
        Turn(role="user", content="A page"),
        Turn(role="assistant", content=json.dumps(older)),
        Turn(role="user", content="Shorter"),
        Turn(role="assistant", content=f"```json\n{json.dumps(PAGE)}\n```"),
        Turn(role="user", content="Thanks"),
        Turn(role="assistant", content="You are welcome."),
    ]
    data, label = TASK.read_pair("Make it blue", history=said)
    assert (data, label) == ({"prompt": "Make it blue", "context": "", "current_page": PAGE}, None)
    assert TASK.read_pair("A page", history=said[:1])[0]["current_page"] is None


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "x" * 10_001}, "prompt"),
        ({"prompt": "x", "text": "y"}, "text"),
        ({"prompt": "x", "context": None}, "context"),
        ({"prompt": "x", "context": "y" * 20_001}, "context"),
        ({"prompt": "x", "current_page": []}, "current_page"),
        ({"prompt": "x", "current_page": CALLS}, "current_page.version"),
        ({"prompt": "x", "current_page": _with({"type": 1}, "sections", 2)}, "current_page.sections.2.type"),
        ({"prompt": "x", "current_page": _with({"y": "\x00"}, "sections", 0)}, "current_page.sections.0.y"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_field(data: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_input(data)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("label", "param"),
    [
        ({}, "version"),
        ({**PAGE, "version": 1}, "version"),
        ({**PAGE, "colors": {}}, "colors"),
        ({**PAGE, "metadata": {"title": " "}}, "metadata.title"),
        ({**PAGE, "sections": []}, "sections"),
        ({**PAGE, "sections": [{"type": "hero"}] * 41}, "sections"),
        ({**PAGE, "sections": ["hero"]}, "sections.0"),
        ({**PAGE, "sections": [{"title": "x"}]}, "sections.0.type"),
        ({**PAGE, "sections": [{"type": "banner"}]}, "sections.0.type"),
        ({**PAGE, "sections": [{"type": ["hero"]}]}, "sections.0.type"),
        (_with({"title": 5}, "sections", 0), "sections.0.hero.title"),
        (_with({"price": []}, "sections", 1, "plans", 0), "sections.1.pricing.plans.0.price.str"),
        (_with({"x": "\x00"}, "sections", 0), "sections.0.x"),
        (_with({"x": "\udfff"}, "sections", 0), "sections.0.x"),
        (_with({"\x00": 1}, "sections", 0), "sections.0"),
        (_with({"k" * 101: 1}, "sections", 0), "sections.0"),
        (_with({"x": float("nan")}, "metadata"), "metadata.x"),
        (_with({"x": float("inf")}, "metadata"), "metadata.x"),
        (_with({"x": 10**400}, "metadata"), "metadata.x"),
        (_with({"x": object()}, "metadata"), "metadata.x"),
        (_with({"x": _deep(11)}, "metadata"), f"metadata.x{'.0' * 11}"),
        (_with({"x": _deep(5_000)}, "metadata"), f"metadata.x{'.0' * 11}"),
        (_with({"x": "y" * 200_001}, "metadata"), None),
        ({"tool_calls": []}, "tool_calls"),
        ({"tool_calls": [{"name": "a"}]}, "tool_calls.0.arguments"),
        ({**CALLS, **PAGE}, "version"),
        ({"design": {}}, "design"),
        ({"design": {"a": 1}, "reason": None}, "reason"),
    ],
)  # fmt: skip
def test_a_wrong_label_is_refused_by_the_name_of_its_field(label: dict[str, Any], param: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label(label, FACTS)
    assert caught.value.param == param
    assert TASK.label_of_output(label, FACTS) is None


def test_json_is_deep_enough_for_pages_and_no_deeper() -> None:
    page = _with({"x": _deep(10)}, "metadata")
    assert TASK.clean_label(page, FACTS) == page


def test_a_persona_may_offer_fewer_types() -> None:
    few = PersonaFacts("Few", settings={"section_types": ["hero", "faq"]})
    with pytest.raises(
        InvalidInput, match=r"sections\.1\.type: 'pricing' is no type of section here\. Choose from: hero, faq"
    ):
        TASK.clean_label(PAGE, few)
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(json.dumps(PAGE), few)
    assert caught.value.code == "unparsable_answer"


@pytest.mark.parametrize(
    "text",
    [
        "", "Here is your page.", "[]", "[1]", "null", '"hero"', "{", '{"version": "1.0"}', "[" * 100_000,
        '{"design": {"x": ' + "9" * 5_000 + "}}", '{"design": {"x": NaN}}', '{"design": {"x": 1e400}}',
        '{"design": {"x": "\\ud800"}}', '[{"function": {"name": "a", "arguments": "{"}}]',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_page_says_so(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(text, FACTS)
    assert caught.value.code == "unparsable_answer"


def test_calls_of_tools_are_read_as_providers_give_them() -> None:
    said = [
        {"id": "call_1", "type": "function", "function": {"name": "create_form", "arguments": '{"fields":["name"]}'}}
    ]
    assert TASK.parse_answer(json.dumps(said), FACTS) == CALLS


def _compare(predicted: dict[str, Any], true: dict[str, Any] = PAGE) -> float:
    return round(TASK.compare(predicted, true), 4)


def test_pages_are_compared_by_the_order_of_sections_and_by_their_fields() -> None:
    hero, pricing, faq = PAGE["sections"]
    assert _compare({**PAGE, "version": "2.0"}) == round((1 + 22 / 24) / 2, 4)  # of twelve fields one differs
    assert _compare({**PAGE, "sections": [hero, faq, pricing]}) == round((4 / 6 + 1) / 2, 4)  # the order alone
    assert _compare({**PAGE, "sections": [hero, pricing]}) == round((4 / 5 + 20 / 22) / 2, 4)
    assert _compare({**PAGE, "sections": [{"type": "cta"}, *PAGE["sections"]]}) == round((6 / 7 + 1) / 2, 4)
    assert _compare({}) == _compare(DESIGN) == _compare(CALLS) == 0.0
    assert _compare({"sections": "x"}) == _compare({"sections": [1, None]}) == 0.0


def test_calls_and_choices_are_compared_by_what_they_hold() -> None:
    other_name = {"tool_calls": [{"name": "drop_form", "arguments": {"fields": ["name"]}}]}
    other_fields = {"tool_calls": [{"name": "create_form", "arguments": {"fields": ["age"]}}]}
    assert (_compare(other_name, CALLS), _compare(other_fields, CALLS)) == (0.0, 0.5)
    assert _compare({**DESIGN, "reason": "Why not."}, DESIGN) == round(2 / 3, 4)
    assert _compare({"design": {"x": True}}, {"design": {"x": 1}}) == 0.0


def test_quality_without_labels_is_a_tenth_of_the_points() -> None:
    quality = TASK.quality(Signals(answer_is_valid=True, approvals=1, outcome="accepted"))
    assert (quality.points, str(quality.score)) == (8, "0.800")


def test_labels_are_read_as_an_outline() -> None:
    assert TASK.label_text(PAGE, FACTS) == "Sailing School: hero, pricing, faq"
    assert TASK.label_text(CALLS, FACTS) == "create_form"
    assert TASK.label_text({"design": {"a": 1}}, FACTS) == '{"a":1}'


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('{"version": "1.0",\n "metadata" {}}', "answer: it is no JSON: expecting ':' delimiter, line 2, column 13."),
        ("", "answer: it is no JSON: expecting value, line 1, column 1."),
        ("5", "answer: it is no JSON object."),
        ("[" * 100_000, "answer: it is nested too deeply."),
        ("9" * 5_000, "answer: it holds a number that is too large."),
    ],
)
def test_broken_json_is_refused_by_line_and_column(typed: str, said: str) -> None:
    form = QueryDict(mutable=True)
    form["answer"] = typed
    with pytest.raises(InvalidInput) as caught:
        TASK.read_form(form)
    assert (caught.value.message, caught.value.param) == (said, "answer")
    if typed:
        with pytest.raises(InvalidInput):
            TASK.read_pair("A page", typed)


@pytest.mark.parametrize("label", SHAPES)
def test_the_form_holds_the_answer_as_json_that_can_be_sent_back(label: dict[str, Any]) -> None:
    form = render_to_string(TASK.label_template, {"part": "form", "prefilled": label})
    written = form.partition("<textarea")[2].partition(">\n")[2].partition("</textarea>")[0].replace("&quot;", '"')
    sent = QueryDict(mutable=True)
    sent["answer"] = written.replace("\n", "\r\n")
    assert TASK.read_form(sent) == label


def test_the_outline_stands_beside_the_json() -> None:
    shown = [render_to_string(TASK.label_template, {"part": "answer", "prefilled": label}) for label in SHAPES]
    assert (
        shown[0].index(">hero</span> Learn to sail") < shown[0].index(">pricing</span>") < shown[0].index(">faq</span>")
    )
    assert ">create_form</span>" in shown[1]
    assert "Calm as water." in shown[2]


def test_what_was_typed_is_shown_again() -> None:
    typed = QueryDict(mutable=True)
    typed["answer"] = '{"version" <'
    form = render_to_string(TASK.label_template, {"part": "form", "typed": typed, "prefilled": PAGE})
    assert ">\n{&quot;version&quot; &lt;</textarea>" in form
