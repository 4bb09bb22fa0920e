"""What is wrong with a website: an issue as an object and as one line, and how two lists of issues are compared."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, model_validator
from rapidfuzz import fuzz

from apps.personas.tasks.base import Schema, Text

SEVERITIES = ("critical", "high", "medium", "low")  # the worst first
# Of 100. "No label on e-mail field" and "No label on phone field" come to 72, with and without an article to 92.
SAME_TITLE = 90


class Issue(Schema):
    """`high: The coupon field is hidden | checkout` is the same issue in one line; a bare string is its title."""

    title: Annotated[Text, Field(min_length=1, max_length=200)]
    severity: Literal["critical", "high", "medium", "low", ""] = ""  # empty: nobody said
    where: Annotated[Text, Field(max_length=300)] = ""

    @model_validator(mode="before")
    @classmethod
    def _by_its_line(cls, data: Any) -> Any:
        """What can be said as a line is read as that line, so that an issue and its line never differ."""
        if isinstance(data, str):
            return parts_of_line(data)
        if not isinstance(data, Mapping):
            return data
        said = {key: value for key, value in data.items() if value is not None}
        return {**said, **parts_of_line(_line(said))} if _has_a_line(said) else said


def line_of(issue: Issue) -> str:
    return _line(issue.model_dump())


IssueLine = Annotated[Issue, PlainSerializer(line_of, return_type=str)]  # an issue that is stored as its line


def titles_of(issues: Sequence[Any]) -> list[str]:
    """The titles of stored issues, be they objects or lines."""
    return [Issue.model_validate(issue).title for issue in issues]


def issue_set_f1(found: Sequence[str], true: Sequence[str]) -> float:
    """The F1 of one list of titles against another, from 0 to 1, the same either way round; 1 if both are empty.

    Each title is paired with at most one of the other list, as many as possible. Two titles are a pair if their words,
    in any order and without capitals and punctuation, agree to at least `SAME_TITLE` of 100 (rapidfuzz's
    token_sort_ratio). So slips of the pen are forgiven, while the same issue told in other words counts as another
    one: the score is a lower bound of what a person would find in common. Severity and place are not compared.
    """
    if not found and not true:
        return 1.0
    pairs = _pairs([_normal(title) for title in found], [_normal(title) for title in true])
    return 2 * pairs / (len(found) + len(true))


def _pairs(ones: Sequence[str], others: Sequence[str]) -> int:
    """How many pairs can be made at most (Kuhn's augmenting paths)."""
    alike = [[j for j, other in enumerate(others) if _is_same(one, other)] for one in ones]
    partner: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for j in alike[i]:
            if j not in tried:
                tried.add(j)
                if j not in partner or place(partner[j], tried):
                    partner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(ones)))


def _is_same(one: str, other: str) -> bool:
    return one == other or fuzz.token_sort_ratio(one, other) >= SAME_TITLE


def _normal(title: str) -> str:
    """Lower case, words only; a title without any word stays what it is."""
    return " ".join(re.findall(r"\w+", title.casefold())) or title


def _has_a_line(said: Mapping[str, Any]) -> bool:
    title, severity, where = said.get("title"), said.get("severity", ""), said.get("where", "")
    if not (isinstance(title, str) and isinstance(severity, str) and isinstance(where, str)):
        return False
    return bool(title.strip()) and (not severity or severity.strip().lower() in SEVERITIES)


def _line(said: Mapping[str, Any]) -> str:
    severity, where = said.get("severity"), said.get("where")
    return "".join([f"{severity}: " if severity else "", said["title"], f" | {where}" if where else ""])


def parts_of_line(line: str) -> dict[str, str]:
    """The fields that a line stands for, not yet checked."""
    words = " ".join(line.split())
    severity, colon, rest = words.partition(":")
    severity = severity.strip().lower()
    if not colon or severity not in SEVERITIES:
        severity, rest = "", words
    title, _, where = rest.strip().partition(" | ")
    return {"title": title, "severity": severity, "where": where}
