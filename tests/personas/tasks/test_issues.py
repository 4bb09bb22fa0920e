from typing import Any

import pytest
from hypothesis import given

from apps.personas.tasks.issues import Issue, issue_set_f1, line_of
from tests.personas.tasks.issue_strategies import raw_issues, usable


@given(raw_issues.filter(usable))
def test_an_issue_and_its_line_are_the_same(issue: Any) -> None:
    read = Issue.model_validate(issue)
    assert Issue.model_validate(line_of(read)) == read
    assert Issue.model_validate(read.model_dump()) == read


@pytest.mark.parametrize(
    ("line", "title", "severity", "where"),
    [
        ("The menu is hidden", "The menu is hidden", "", ""),
        ("HIGH:The menu  is hidden", "The menu is hidden", "high", ""),
        ("low: Grey text | footer | all pages", "Grey text", "low", "footer | all pages"),
        ("urgent: Grey text", "urgent: Grey text", "", ""),
        ("Error 500: nothing is said", "Error 500: nothing is said", "", ""),
        ("a|b", "a|b", "", ""),
    ],
)
def test_a_line_says_how_bad_and_where(line: str, title: str, severity: str, where: str) -> None:
    assert Issue.model_validate(line) == Issue(title=title, severity=severity, where=where)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "true", "f1"),
    [
        ([], [], 1.0),
        ([], ["a"], 0.0),
        (["a"], [], 0.0),
        (["The coupon field is hidden"], ["Coupon field is hidden."], 1.0),
        (["On mobile the coupon field is hidden"], ["coupon field is hidden on mobile"], 1.0),
        (["No label on e-mail field"], ["No label on phone field"], 0.0),
        (["Search finds nothing for plurals"], ["Search finds nothing for typos"], 0.0),
        (["The button is too small"], ["People miss the button with their thumbs"], 0.0),
        (["a", "b", "c"], ["c", "d"], 0.4),
        (["a", "a"], ["a"], 2 / 3),
        (["!"], ["?"], 0.0),
        (["価格がない"], ["価格がない"], 1.0),
    ],
)
def test_issue_sets_are_compared_by_their_titles(found: list[str], true: list[str], f1: float) -> None:
    assert issue_set_f1(found, true) == pytest.approx(f1)
    assert issue_set_f1(true, found) == pytest.approx(f1)


def test_as_many_pairs_are_made_as_can_be() -> None:
    """The first title is near to both, the second only to one: taking that one first would leave the second alone."""
    both, one = "The coupon field is hidden", "The coupon field is hidden away"
    assert issue_set_f1([both, one], ["Coupon field is hidden away", "Coupon field is hidden"]) == 1.0
