"""Testing websites: what gets in a person's way when they try to do something there (UX1-UX3)."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from apps.common.errors import InvalidInput
from apps.personas.tasks.base import Form, PersonaFacts, Schema, Text, Turn, check, read_json_answer
from apps.personas.tasks.issues import SEVERITIES, Issue, IssueLine, issue_set_f1, line_of, parts_of_line, titles_of
from apps.personas.tasks.quality import Quality, Signals, usual_quality

MAX_ISSUES = 100
ASKED = "Test this: "
ADDRESS = re.compile(r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,:;!?)])[.,:;!?)]*")  # marks behind it are the sentence's
NO_ISSUES = "No issues."
WORST_FIRST = (*SEVERITIES, "")
INSTRUCTIONS = """\
You test websites for usability. You get an address, a mission to accomplish there, and the person you are meanwhile.
Report what gets in that person's way: each problem once, the worst first, so that it is clear what to change.
Answer with JSON and nothing else: {"issues_found": [{"title": "<the problem, in one sentence>",
"severity": "critical" | "high" | "medium" | "low", "where": "<page and element>"}],
"sentiment": <from -1, gave up in anger, to 1, delighted>, "recommendations": ["<what to do about it>"]}"""


def _web_address(url: str) -> str:
    """It is shown and put to a model, and never fetched here. A password in it would end up in a training file."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError("it is not an address that begins with http:// or https://")
    if parts.username is not None:
        raise ValueError("it holds a user name; leave out what is before the @")
    return url


def _as_text(persona: Any) -> Any:
    """The documents' PersonaConfig is an object of no fixed keys: it is kept as the text `key: value`, line by line."""
    if not isinstance(persona, Mapping):
        return persona
    return "\n".join(f"{key}: {_said(value)}" for key, value in persona.items() if value is not None)


def _said(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float) for one in values):
        raise ValueError("its values can be texts, numbers and lists of them, and nothing deeper")
    return ", ".join(("yes" if one else "no") if isinstance(one, bool) else str(one) for one in values)


Sentiment = Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]
Recommendations = Annotated[list[Annotated[Text, Field(min_length=1, max_length=500)]], Field(max_length=50)]
Issues = Annotated[list[Issue], Field(max_length=MAX_ISSUES)]
IssueLines = Annotated[list[IssueLine], Field(max_length=MAX_ISSUES)]


class Visit(Schema):
    url: Annotated[Text, Field(max_length=2000), AfterValidator(_web_address)]
    mission: Annotated[Text, Field(min_length=1, max_length=2000)]
    persona: Annotated[Text, Field(max_length=2000), BeforeValidator(_as_text)] = ""


class Report(Schema):
    """`sentiment` is the person's mood at the end, from -1 to 1: the documents give no range."""

    issues_found: Issues
    sentiment: Sentiment | None = None
    recommendations: Recommendations = Field(default_factory=list)


class Verification(Schema):
    """UX2: which of the model's issues are real, which are not, and which it missed; `rating` of its report, 1-5.

    `confirmed_issues` and `false_positives` are texts, as in the documents: a title, or an issue's whole line, which
    keeps severity and place. `sentiment` and `recommendations` are no part of UX2. They are here because the label is
    all that a model is ever taught (UX3): without them every trained version would unlearn two thirds of UX1.
    """

    confirmed_issues: IssueLines
    missed_issues: Issues
    false_positives: IssueLines
    rating: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    sentiment: Sentiment | None = None
    recommendations: Recommendations = Field(default_factory=list)

    @field_validator("missed_issues", "false_positives")
    @classmethod
    def _only_in_one_list(cls, issues: list[Issue], info: ValidationInfo) -> list[Issue]:
        for name in ("confirmed_issues", "missed_issues"):
            earlier = info.data.get(name, [])
            if both := next((issue for issue in issues if issue in earlier), None):
                raise ValueError(f"{both.title!r} is among {name} too")
        return issues


class Settings(Schema):
    focus: Annotated[list[Annotated[Text, Field(min_length=1, max_length=100)]], Field(max_length=20)] = Field(
        default_factory=list
    )


class UxTest:
    name = "ux_test"
    title = "Testing a website"
    schema_version = 1
    kinds: tuple[str, ...] = ("ux_test",)
    Input: type[BaseModel] = Visit
    Output: type[BaseModel] = Report
    Label: type[BaseModel] = Verification
    label_template = "contributions/labels/ux_test.html"
    labels_are_written = False
    settings_help = 'What to look at above all, if anything: {"focus": ["forms", "accessibility"]}'

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``{"focus": ["forms", ...]}``: up to 20 subjects that the persona looks at above all; empty: everything."""
        return check(Settings, settings, resolution='It can have "focus": a list of up to 20 subjects.')

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return check(Visit, data)

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        return check(Verification, data, resolution="Name the issues that are there, or say that there are none.")

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        parts = [INSTRUCTIONS]
        if include_persona:
            parts.insert(0, f"You are {facts.name}. {facts.identity}".strip())
        if include_platform_context and facts.platform_context:
            parts.append(f"About the platform:\n{facts.platform_context}")
        if focus := facts.settings.get("focus"):
            parts.append(f"Look above all at: {', '.join(focus)}.")
        return "\n\n".join(parts)

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        return []

    def user_message(self, data: Mapping[str, Any]) -> str:
        return ASKED + json.dumps(_without_blanks(data), ensure_ascii=False)

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        """What was confirmed and what had been missed, as the report that should have been written: the worst first."""
        issues = [Issue.model_validate(issue) for issue in _issues(label)]
        issues.sort(key=lambda issue: WORST_FIRST.index(issue.severity))
        report = {"issues_found": [_without_blanks(issue.model_dump()) for issue in issues]}
        more = {"sentiment": label.get("sentiment"), "recommendations": label.get("recommendations")}
        return json.dumps({**report, **_without_blanks(more)}, ensure_ascii=False)

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        return read_json_answer(Report, text, expected='{"issues_found": [...], "sentiment": ..., ...}')

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        """The F1 of the two sets of issues, by their titles: see `issue_set_f1`. Sentiment and advice do not count."""
        return issue_set_f1(titles_of(_issues(predicted)), titles_of(_issues(true)))

    def category(self, label: Mapping[str, Any]) -> str:
        """How bad the worst issue is, so that both parts of a split have pages that work and pages that do not."""
        issues = [Issue.model_validate(issue) for issue in _issues(label)]
        said = {issue.severity for issue in issues}
        return next((severity for severity in SEVERITIES if severity in said), "issues" if issues else "no issues")

    def agreement(self, label: Mapping[str, Any]) -> Any:
        """Which issues there are, by their titles. People never give the same sentiment, rating and advice."""
        return sorted(titles_of(_issues(label)))

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        return "; ".join(titles_of(_issues(label))) or NO_ISSUES

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        """Every issue that the model found is confirmed until somebody says otherwise."""
        try:
            report = check(Report, output)
        except InvalidInput:
            return None
        issues = [line_of(Issue.model_validate(issue)) for issue in report["issues_found"]]
        return _label(confirmed=issues, sentiment=report["sentiment"], recommendations=report["recommendations"])

    def quality(self, signals: Signals) -> Quality:
        """The share of votes for the accepted report. Testers seldom find just the same: verdicts count most."""
        return usual_quality(signals)

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The question is `{"url", "mission", "persona"}`, after "Test this:" or bare, or a text with an address in it.

        The answer is a label (UX2), a report as models are taught to write it, or a list of issues, one on each line.
        A report says nothing of an earlier one, so all its issues are missed ones: what `assistant_message` writes
        comes back as the same label only if that label confirmed and refused nothing, rated nothing, and named the
        worst first.
        """
        return _read_visit(question.strip()), _read_label(answer.strip()) if answer else None

    def read_form(self, form: Form) -> dict[str, Any]:
        """`found` lists the model's issues, `confirmed_issues` those still checked.

        An empty form says nothing, unless somebody ticked that `nothing` is wrong.
        """
        found, confirmed = form.getlist("found"), form.getlist("confirmed_issues")
        label = _label(
            confirmed=confirmed,
            missed=[parts_of_line(line) for line in _lines(form.get("missed_issues", ""))],
            refused=[issue for issue in found if issue not in confirmed],
            rating=_number(int, form.get("rating", "")),
            sentiment=_number(float, form.get("sentiment", "")),
            recommendations=_lines(form.get("recommendations", "")),
        )
        if not (found or label["missed_issues"] or form.get("nothing", "")):
            del label["missed_issues"]
        return label


def _label(
    *,
    confirmed: Sequence[str] = (),
    missed: Sequence[Any] = (),
    refused: Sequence[str] = (),
    rating: Any = None,
    sentiment: Any = None,
    recommendations: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "confirmed_issues": list(confirmed),
        "missed_issues": missed if isinstance(missed, str) else list(missed),
        "false_positives": list(refused),
        "rating": rating,
        "sentiment": sentiment,
        "recommendations": list(recommendations),
    }


def _issues(data: Mapping[str, Any]) -> list[Any]:
    """What is wrong with the site, by an output or by a label."""
    if "issues_found" in data:
        return list(data["issues_found"])
    return [*data.get("confirmed_issues", ()), *data.get("missed_issues", ())]


def _without_blanks(named: Mapping[str, Any]) -> dict[str, Any]:
    """0 is a sentiment; an empty text, an empty list and None are nothing."""
    return {key: value for key, value in named.items() if value not in ("", [], None)}


def _read_visit(question: str) -> dict[str, Any]:
    asked = question.removeprefix(ASKED.strip()).strip()
    if asked.startswith("{"):
        return {"persona": "", **(_json_object(asked) or {"url": "", "mission": question})}
    found = ADDRESS.search(asked)
    url = found["url"] if found else ""
    mission = asked.replace(found[0], " ", 1) if found else asked
    return {"url": url, "mission": " ".join(mission.split()), "persona": ""}


def _read_label(answer: str) -> dict[str, Any]:
    if not answer.startswith(("{", "[")):
        return _label(missed=[] if answer == NO_ISSUES else _lines(answer))
    label = _json_object(answer)
    if "issues_found" not in label:
        return label
    return {**_label(missed=label.pop("issues_found")), **label}


def _json_object(text: str) -> dict[str, Any]:
    """Empty if it is none: the schema then names what is not there."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _lines(text: str) -> list[str]:
    """One for each line that says something; the dashes of a list are no part of it."""
    lines: Iterable[str] = (re.sub(r"^\s*[-*•]\s+", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _number(kind: type[int] | type[float], text: str) -> int | float | str | None:
    """A form's field as the number that it means; what is none stays as it is, for the schema to refuse by its name."""
    try:
        return kind(text) if text.strip() else None
    except ValueError:
        return text
