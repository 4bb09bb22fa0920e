"""Coding open survey answers: choose the one code of a codebook that fits (SC1)."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from apps.common.errors import InvalidInput
from apps.personas.tasks.base import PersonaFacts, Schema, Text, check

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
    kinds: tuple[str, ...] = ("survey_answer",)
    Input: type[BaseModel] = SurveyAnswer
    Output: type[BaseModel] = CodedAnswer
    Label: type[BaseModel] = Code
    label_template = "contributions/labels/survey_coding.html"

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

    def user_message(self, data: Mapping[str, Any]) -> str:
        return str(data["text"])

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        return json.dumps({"code": label["code"], "confidence": "high"}, ensure_ascii=False)

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        try:
            answer = check(CodedAnswer, json.loads(_without_fence(text)))
        except (ValueError, RecursionError, InvalidInput):
            raise _unparsable('it is not {"code": ..., "confidence": ...}') from None
        if not _knows(facts, answer["code"]):
            raise _unparsable("its code is not in the codebook")
        return answer

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        return float(predicted.get("code") == true["code"])

    def category(self, label: Mapping[str, Any]) -> str:
        return str(label["code"])

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        code = str(label["code"])
        return next((entry["title"] for entry in _codes(facts) if entry["code"] == code and entry.get("title")), code)

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        code = output.get("code")
        return {"code": code} if isinstance(code, str) and _knows(facts, code) else None

    def read_row(self, text: str, category: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"text": text}, {"code": category} if category else None

    def read_form(self, form: Mapping[str, str]) -> dict[str, Any]:
        return {"code": form.get("code", "")}


def _codes(facts: PersonaFacts) -> list[dict[str, str]]:
    codes: list[dict[str, str]] = facts.settings.get("codes", [])
    return codes


def _knows(facts: PersonaFacts, code: str) -> bool:
    return any(entry["code"] == code for entry in _codes(facts))


def _line(entry: Mapping[str, str]) -> str:
    """One line of the codebook. The code is what counts; title and description are there only if someone wrote them."""
    words = [word.rstrip(".") for word in (entry.get("title", ""), entry.get("description", "")) if word]
    return f"- {entry['code']}: {'. '.join(words)}" if words else f"- {entry['code']}"


def _without_fence(text: str) -> str:
    """Many chat models put JSON between ``` lines however they are asked."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json")
    return text


def _unparsable(why: str) -> InvalidInput:
    return InvalidInput(
        f"The model's answer cannot be used: {why}.",
        resolution="Ask again, or use a model that was trained on this persona's dataset.",
        code="unparsable_answer",
    )
