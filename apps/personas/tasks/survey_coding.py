"""Coding open survey answers: choose the one code of a codebook that fits (SC1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apps.common.errors import InvalidInput
from apps.personas.tasks.base import (
    Form,
    PersonaFacts,
    Schema,
    Text,
    Turn,
    check,
    read_json_answer,
    unparsable,
)
from apps.personas.tasks.quality import Quality, Signals, usual_quality

MAX_ANSWER_CHARACTERS = 10_000  # an open survey answer; ten pages of one are a mistake
INSTRUCTIONS = """\
You code open survey answers. Read the answer and choose the one code of the codebook that fits it best.
Answer with JSON and nothing else: {"code": "<a code of the codebook>", "confidence": "high" | "medium" | "low"}"""


class SurveyAnswer(Schema):
    text: Annotated[Text, Field(min_length=1, max_length=MAX_ANSWER_CHARACTERS)]


class CodedAnswer(Schema):
    code: Text
    confidence: Literal["high", "medium", "low"]


class Code(Schema):
    code: Text


class CodebookEntry(Schema):
    code: Annotated[Text, Field(min_length=1, max_length=100)]
    title: Text = ""
    description: Text = ""


class Settings(Schema):
    codes: Annotated[list[CodebookEntry], Field(min_length=2, max_length=1000)]


class SurveyCoding:
    name = "survey_coding"
    title = "Coding open survey answers"
    schema_version = 1
    kinds: tuple[str, ...] = ("survey_answer",)
    Input: type[BaseModel] = SurveyAnswer
    Output: type[BaseModel] = CodedAnswer
    Label: type[BaseModel] = Code
    label_template = "contributions/labels/survey_coding.html"
    labels_are_written = False
    settings_help = 'The codebook: {"codes": [{"code": "lost_card", "title": "Lost card", "description": "…"}]}'

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``{"codes": [{"code", "title", "description"}, ...]}``: the codebook, 2 to 1,000 codes, each once."""
        cleaned = check(Settings, settings, resolution='It needs "codes": a list of {"code", "title", "description"}.')
        codes = [entry["code"] for entry in cleaned["codes"]]
        if twice := next((code for code in codes if codes.count(code) > 1), None):
            raise InvalidInput(
                f"codes: the code {twice!r} is listed twice.", resolution="Remove one of the two.", param="codes"
            )
        return cleaned

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return check(SurveyAnswer, data)

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        label = check(Code, data)
        if not _knows(facts, label["code"]):
            raise InvalidInput(
                f"code: {label['code'][:100]!r} is not in the codebook of {facts.name}.",
                resolution="Choose one of its codes, or have the code added to the persona's settings.",
                param="code",
            )
        return label

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        parts = [INSTRUCTIONS]
        if include_persona:
            parts.insert(0, f"You are {facts.name}. {facts.identity}".strip())
        if include_platform_context and facts.platform_context:
            parts.append(f"About the platform:\n{facts.platform_context}")
        parts.append("Codebook:\n" + "\n".join(_line(entry) for entry in _codes(facts)))
        return "\n\n".join(parts)

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        return []

    def user_message(self, data: Mapping[str, Any]) -> str:
        return str(data["text"])

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        return json.dumps({"code": label["code"], "confidence": "high"}, ensure_ascii=False)

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        answer = read_json_answer(CodedAnswer, text, expected='{"code": ..., "confidence": ...}')
        if not _knows(facts, answer["code"]):
            raise unparsable("its code is not in the codebook")
        return answer

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        return float(predicted.get("code") == true["code"])

    def category(self, label: Mapping[str, Any]) -> str:
        return str(label["code"])

    def agreement(self, label: Mapping[str, Any]) -> Any:
        return {"code": label["code"]}

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        code = str(label["code"])
        return next((entry["title"] for entry in _codes(facts) if entry["code"] == code and entry.get("title")), code)

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        code = output.get("code")
        return {"code": code} if isinstance(code, str) and _knows(facts, code) else None

    def quality(self, signals: Signals) -> Quality:
        """The share of votes for the accepted code: whoever approved of the model's code voted for it."""
        return usual_quality(signals)

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The answer is a bare code, or `{"code": ..., ...}` as models are taught to say it."""
        return {"text": question}, {"code": _code_in(answer)} if answer else None

    def read_form(self, form: Form) -> dict[str, Any]:
        return {"code": form.get("code", "")}


def _code_in(answer: str) -> str:
    if not answer.lstrip().startswith("{"):
        return answer
    try:
        return str(json.loads(answer)["code"])
    except (ValueError, KeyError, RecursionError):
        return answer


def _codes(facts: PersonaFacts) -> list[dict[str, str]]:
    codes: list[dict[str, str]] = facts.settings.get("codes", [])
    return codes


def _knows(facts: PersonaFacts, code: str) -> bool:
    return any(entry["code"] == code for entry in _codes(facts))


def _line(entry: Mapping[str, str]) -> str:
    """One line of the codebook. The code is what counts; title and description are there only if someone wrote them."""
    words = [word.rstrip(".") for word in (entry.get("title", ""), entry.get("description", "")) if word]
    return f"- {entry['code']}: {'. '.join(words)}" if words else f"- {entry['code']}"
