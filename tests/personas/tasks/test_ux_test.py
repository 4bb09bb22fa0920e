import json
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import InvalidInput
from apps.personas.tasks import PersonaFacts
from apps.personas.tasks.issues import Issue, line_of
from apps.personas.tasks.ux_test import WORST_FIRST, UxTest
from tests.personas.tasks.issue_strategies import issues, moods, words
from tests.personas.tasks.samples import SAMPLES

TASK = UxTest()
SAMPLE = SAMPLES["ux_test"]
FACTS = PersonaFacts(
    "Ruth", identity="You are impatient.", platform_context="A shop for kettles.", settings=SAMPLE.settings
)
NOTHING: dict[str, Any] = {
    "confirmed_issues": [], "missed_issues": [], "false_positives": [],
    "rating": None, "sentiment": None, "recommendations": [],
}  # fmt: skip


def _issue(title: str, severity: str = "", where: str = "") -> dict[str, str]:
    return {"title": title, "severity": severity, "where": where}


@st.composite
def labels(draw: st.DrawFn) -> dict[str, Any]:
    """Any label, as it is stored: no issue in two of its lists."""
    kept = list({line_of(Issue.model_validate(issue)): issue for issue in draw(issues)}.values())
    first, second = sorted((draw(st.integers(0, len(kept))), draw(st.integers(0, len(kept)))))
    return TASK.clean_label(
        {
            "confirmed_issues": kept[:first],
            "missed_issues": kept[first:second],
            "false_positives": kept[second:],
            "rating": draw(st.one_of(st.none(), st.integers(1, 5))),
            "sentiment": draw(moods),
            "recommendations": draw(st.lists(words.filter(lambda text: text.strip() != ""), max_size=3)),
        },
        FACTS,
    )


def test_the_system_prompt_says_who_tests_and_what_matters() -> None:
    prompt = TASK.system_prompt(FACTS)
    assert prompt.startswith("You are Ruth. You are impatient.\n\nYou test websites for usability.")
    assert prompt.endswith("Look above all at: forms.")
    bare = TASK.system_prompt(PersonaFacts("Ruth", platform_context="Kettles."), include_persona=False)
    assert bare.startswith("You test websites")
    assert bare.endswith('"recommendations": ["<what to do about it>"]}')
    assert "About the platform:\nA shop for kettles." in TASK.system_prompt(FACTS, include_platform_context=True)


def test_the_person_tested_as_is_text_whatever_it_comes_as() -> None:
    persona = {"age": 71, "patient": False, "devices": ["phone", "tablet"], "name": None}
    visit = TASK.clean_input({"url": "https://a.example.com", "mission": "Buy.", "persona": persona})
    assert visit["persona"] == "age: 71\npatient: no\ndevices: phone, tablet"
    assert TASK.clean_input({"url": "https://a.example.com", "mission": "Buy."})["persona"] == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/a?b=c#d",
        "HTTPS://EXAMPLE.com/@me",
        "http://127.0.0.1/",
        "https://bücher.example.com/",
    ],
)
def test_a_web_address_is_taken_as_it_is(url: str) -> None:
    assert TASK.clean_input({"url": url, "mission": "Buy."})["url"] == url


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": "example.com"}, "url"),
        ({"url": "//example.com"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https:///path"}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://example.com/a b"}, "url"),
        ({"url": "https://exa\nmple.com"}, "url"),
        ({"url": "https://example.com/\x01"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"url": "https://example.com:99999"}, "url"),
        ({"url": "https://me:secret@example.com"}, "url"),
        ({"url": "https://example.com/" + "a" * 2000}, "url"),
        ({"url": "https://example.com/\x00"}, "url"),
        ({"mission": " "}, "mission"),
        ({"mission": "a\x00b"}, "mission"),
        ({"mission": "\ud800"}, "mission"),
        ({"mission": "m" * 2001}, "mission"),
        ({"mission": {"text": "Buy."}}, "mission"),
        ({"persona": 71}, "persona"),
        ({"persona": ["a"]}, "persona"),
        ({"persona": {"a": {"b": {"c": 1}}}}, "persona"),
        ({"persona": {"a": [["b"]]}}, "persona"),
        ({"persona": {"a": "\ud800"}}, "persona"),
        ({"persona": {"a": "\x00"}}, "persona"),
        ({"persona": {"a": "b" * 2000}}, "persona"),
        ({"note": "b"}, "note"),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_of_its_field(changed: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_input({**SAMPLE.input, **changed})
    assert caught.value.param == param


def test_the_label_is_as_the_documents_have_it_and_keeps_severity_and_place() -> None:
    ux2 = {"confirmed_issues": ["Too slow"], "missed_issues": [{"title": "No price"}], "false_positives": ["Logo"]}
    assert TASK.clean_label({**ux2, "rating": 4}, FACTS) == {
        "confirmed_issues": ["Too slow"],
        "missed_issues": [{"title": "No price", "severity": "", "where": ""}],
        "false_positives": ["Logo"],
        "rating": 4,
        "sentiment": None,
        "recommendations": [],
    }
    whole = {"title": " No  price", "severity": "High", "where": None}
    label = TASK.clean_label(
        {**NOTHING, "confirmed_issues": [whole], "missed_issues": ["low: Grey text | footer"]}, FACTS
    )
    assert label["confirmed_issues"] == ["high: No price"]
    assert label["missed_issues"] == [{"title": "Grey text", "severity": "low", "where": "footer"}]


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"confirmed_issues": "Too slow"}, "confirmed_issues"),
        ({"confirmed_issues": [""]}, "confirmed_issues.0.title"),
        ({"confirmed_issues": [3]}, "confirmed_issues.0"),
        ({"confirmed_issues": ["a\x00b"]}, "confirmed_issues.0.title"),
        ({"confirmed_issues": ["\ud800"]}, "confirmed_issues.0.title"),
        ({"confirmed_issues": ["a" * 201]}, "confirmed_issues.0.title"),
        ({"confirmed_issues": ["a"] * 101}, "confirmed_issues"),
        ({"missed_issues": [{"title": "a", "where": "b" * 301}]}, "missed_issues.0.where"),
        ({"missed_issues": [{"title": "a", "severity": "urgent"}]}, "missed_issues.0.severity"),
        ({"missed_issues": [{"title": "a", "color": "red"}]}, "missed_issues.0.color"),
        ({"missed_issues": [{"where": "cart"}]}, "missed_issues.0.title"),
        ({"missed_issues": [[["a"]]]}, "missed_issues.0"),
        ({"confirmed_issues": ["a"], "missed_issues": ["a"]}, "missed_issues"),
        ({"confirmed_issues": ["a"], "false_positives": ["a"]}, "false_positives"),
        ({"missed_issues": ["a"], "false_positives": [{"title": "a"}]}, "false_positives"),
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": "4"}, "rating"),
        ({"sentiment": 1.01}, "sentiment"),
        ({"sentiment": float("nan")}, "sentiment"),
        ({"sentiment": True}, "sentiment"),
        ({"recommendations": ["a\x00"]}, "recommendations"),
        ({"recommendations": [""]}, "recommendations.0"),
        ({"recommendations": ["a"] * 51}, "recommendations"),
        ({"note": "b"}, "note"),
    ],
)
def test_a_wrong_label_is_refused_by_the_name_of_its_field(changed: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label({**NOTHING, **changed}, FACTS)
    assert caught.value.param == param


@pytest.mark.parametrize("missing", ["confirmed_issues", "missed_issues", "false_positives"])
def test_a_label_says_something_of_all_three_lists(missing: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label({name: value for name, value in NOTHING.items() if name != missing}, FACTS)
    assert caught.value.param == missing


@pytest.mark.parametrize("settings", [{"focus": "forms"}, {"focus": [""]}, {"focus": ["a"] * 21}, {"codes": []}])
def test_settings_that_say_nothing_to_this_task_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"focus|codes"):
        TASK.clean_settings(settings)


def test_without_settings_everything_matters() -> None:
    assert TASK.clean_settings({}) == {"focus": []}


def test_the_model_is_taught_what_the_tester_said_and_nothing_of_its_own() -> None:
    """UX3: the false positive is gone, the missed issue is there, the rating is nobody's business."""
    taught = TASK.assistant_message(SAMPLE.label)
    assert json.loads(taught) == {
        "issues_found": [
            {"title": "The coupon field is hidden", "severity": "high", "where": "cart"},
            {"title": "The total is shown without tax", "severity": "medium"},
        ],
        "sentiment": -0.4,
        "recommendations": ["Show the coupon field below the total"],
    }
    mixed = {**NOTHING, "confirmed_issues": ["a", "low: b"], "missed_issues": ["critical: c", "d"]}
    assert [issue["title"] for issue in json.loads(TASK.assistant_message(mixed))["issues_found"]] == [
        "c",
        "b",
        "a",
        "d",
    ]
    assert json.loads(TASK.assistant_message(NOTHING)) == {"issues_found": []}
    assert json.loads(TASK.assistant_message({**NOTHING, "sentiment": 0.0})) == {"issues_found": [], "sentiment": 0.0}


@given(labels())
def test_what_is_taught_can_be_read_back(label: dict[str, Any]) -> None:
    answer = TASK.parse_answer(TASK.assistant_message(label), FACTS)
    assert TASK.compare(answer, label) == 1.0
    assert answer["sentiment"] == label["sentiment"]
    confirmed = TASK.label_of_output(answer, FACTS)
    assert confirmed is not None
    assert TASK.clean_label(confirmed, FACTS) == confirmed
    assert TASK.assistant_message(confirmed) == TASK.assistant_message(label)


@given(labels())
def test_a_stored_label_is_stored_again_as_it_is(label: dict[str, Any]) -> None:
    assert TASK.clean_label(json.loads(json.dumps(label)), FACTS) == label


@pytest.mark.parametrize(
    "text",
    [
        "Looks fine to me.",
        "",
        "null",
        "[]",
        '["a"]',
        "{}",
        '{"issues_found": "none"}',
        '{"issues_found": [{}]}',
        '{"issues_found": [{"title": "a", "severity": "bad"}]}',
        '{"issues_found": [], "sentiment": "good"}',
        '{"issues_found": [], "sentiment": NaN}',
        '{"issues_found": [], "sentiment": 2}',
        '{"issues_found": [], "recommendations": "none"}',
        '{"issues_found": [], "sql": "DROP TABLE"}',
        '{"issues_found": ["\\ud800"]}',
        '{"issues_found": ["\\u0000"]}',
        '{"issues_found": ' + "[" * 100_000,
        '{"issues_found": ' + "[" * 200 + "]" * 200 + "}",
    ],
)
def test_an_answer_that_cannot_be_used_says_so(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TASK.parse_answer(text, FACTS)
    assert caught.value.code == "unparsable_answer"


def test_an_answer_may_name_its_issues_by_title_alone() -> None:
    answer = TASK.parse_answer('```json\n{"issues_found": ["Too slow", {"title": "No price"}]}\n```', FACTS)
    assert answer == {
        "issues_found": [
            {"title": "Too slow", "severity": "", "where": ""},
            {"title": "No price", "severity": "", "where": ""},
        ],
        "sentiment": None,
        "recommendations": [],
    }


@pytest.mark.parametrize("output", [{}, {"text": "Looks fine."}, {"issues_found": 3}])
def test_what_is_no_report_fills_no_form(output: dict[str, Any]) -> None:
    assert TASK.label_of_output(output, FACTS) is None


@given(labels(), labels())
def test_comparing_is_the_same_both_ways(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert TASK.compare(one, one) == 1.0
    assert TASK.compare(one, other) == TASK.compare(other, one)
    assert 0.0 <= TASK.compare(one, other) <= 1.0


@pytest.mark.parametrize(
    ("changed", "category", "text"),
    [
        ({}, "no issues", "No issues."),
        ({"confirmed_issues": ["a", "b"]}, "issues", "a; b"),
        (
            {"confirmed_issues": ["low: a"], "missed_issues": [{"title": "b", "severity": "critical"}]},
            "critical",
            "a; b",
        ),
        ({"confirmed_issues": ["low: a"], "false_positives": ["high: b"]}, "low", "a"),
    ],
)
def test_the_worst_issue_is_the_class(changed: dict[str, Any], category: str, text: str) -> None:
    label = {**NOTHING, **changed}
    assert TASK.category(label) == category
    assert TASK.label_text(label, FACTS) == text


urls = st.from_regex(r"https?://[a-z]{1,8}\.example\.com/[a-z0-9?=&%#-]{0,20}", fullmatch=True)
texts = words.filter(lambda text: text.strip() != "")


@given(urls, texts, words, labels())
def test_rows_are_read_back_from_what_is_put_to_models(url: str, mission: str, persona: str, label: Any) -> None:
    visit = TASK.clean_input({"url": url, "mission": mission, "persona": persona})
    worst_first = sorted(label["missed_issues"], key=lambda issue: WORST_FIRST.index(issue["severity"]))
    alone = {**label, "confirmed_issues": [], "missed_issues": worst_first, "false_positives": [], "rating": None}
    question, answer = TASK.read_pair(TASK.user_message(visit), TASK.assistant_message(alone))
    assert question == visit
    assert answer is not None
    assert TASK.clean_label(answer, FACTS) == alone
    assert TASK.read_pair(TASK.user_message(visit), json.dumps(label)) == (visit, label)


@pytest.mark.parametrize(
    ("question", "url", "mission"),
    [
        ("https://a.example.com buy a kettle", "https://a.example.com", "buy a kettle"),
        ("Buy a kettle on https://a.example.com/shop.", "https://a.example.com/shop", "Buy a kettle on"),
        ("https://a.example.com/?q=1: find\nthe price", "https://a.example.com/?q=1", "find the price"),
        ("Test this: http://a.example.com, sign up", "http://a.example.com", "sign up"),
        ("Buy a kettle", "", "Buy a kettle"),
        ('{"url": broken https://a.example.com', "", '{"url": broken https://a.example.com'),
    ],
)
def test_a_question_in_plain_words_holds_an_address(question: str, url: str, mission: str) -> None:
    assert TASK.read_pair(question) == ({"url": url, "mission": mission, "persona": ""}, None)


@pytest.mark.parametrize(
    ("answer", "missed"),
    [
        ("Too slow", ["Too slow"]),
        ("- Too slow\r\n\n* low: No price\n• -5 degrees", ["Too slow", "low: No price", "-5 degrees"]),
        ("No issues.", []),
        ('{"issues_found": ["a"]}', ["a"]),
    ],
)
def test_a_right_answer_can_be_a_list_of_lines(answer: str, missed: list[str]) -> None:
    _, label = TASK.read_pair("https://a.example.com buy", answer)
    assert label == {**NOTHING, "missed_issues": missed}
    assert TASK.clean_label(label, FACTS)


@pytest.mark.parametrize(
    "answer", ['{"issues_found": [', '{"issues_found": "a"}', "[1]", "{}", "[" * 100_000, '{"a": 1}']
)
def test_a_right_answer_that_cannot_be_read_is_refused_not_guessed(answer: str) -> None:
    _, label = TASK.read_pair("https://a.example.com buy", answer)
    assert label is not None
    with pytest.raises(InvalidInput):
        TASK.clean_label(label, FACTS)


@pytest.mark.parametrize(
    ("form", "changed"),
    [
        ("found=a&found=b&confirmed_issues=b", {"confirmed_issues": ["b"], "false_positives": ["a"]}),
        ("found=a&missed_issues=", {"false_positives": ["a"]}),
        ("missed_issues=a%0D%0A- low: b | c", {"missed_issues": [_issue("a"), _issue("b", "low", "c")]}),
        ("nothing=1", {}),
        (
            "nothing=1&missed_issues=a&rating=2&sentiment=-1",
            {"missed_issues": [_issue("a")], "rating": 2, "sentiment": -1.0},
        ),
        ("nothing=1&rating=many&sentiment=x", {"rating": "many", "sentiment": "x"}),
    ],
)
def test_the_form_is_read_as_a_label(form: str, changed: dict[str, Any]) -> None:
    assert TASK.read_form(QueryDict(form)) == {**NOTHING, **changed}


def test_an_empty_form_is_no_verdict() -> None:
    """Nobody must be able to say "nothing is wrong" by pressing Save."""
    with pytest.raises(InvalidInput) as caught:
        TASK.clean_label(TASK.read_form(QueryDict("missed_issues=&rating=")), FACTS)
    assert (caught.value.param, caught.value.resolution) == (
        "missed_issues", "Name the issues that are there, or say that there are none.",
    )  # fmt: skip
