"""What a task is: the one protocol that the five kinds of work follow, and what their files share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypedDict

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator

from apps.common.errors import InvalidInput
from apps.personas.tasks.quality import Quality, Signals


@dataclass(frozen=True)
class PersonaFacts:
    """What a task may know of a persona. Tasks never see the database row."""

    name: str
    identity: str = ""
    platform_context: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class Turn(TypedDict):
    """One message of a conversation as the protocol writes it; `role` is `user` or `assistant`."""

    role: str
    content: str


class Form(Protocol):
    """A submitted form, as Django's QueryDict reads one."""

    def get(self, key: str, default: str, /) -> str: ...

    def getlist(self, key: str, /) -> list[str]: ...


class Schema(BaseModel):
    """Base of the tasks' schemas: a key that is not named is an error, never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        """PostgreSQL stores no NUL. (Halves of surrogate pairs are refused by pydantic itself.)"""
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("it contains a NUL character")
        return value


class Task(Protocol):
    """One kind of work. Inputs, outputs and labels are plain JSON objects, as stored, checked by the three schemas."""

    name: str
    title: str
    schema_version: int  # of the three schemas: stored with every example, counted up when one of them changes
    kinds: tuple[str, ...]  # of examples (PB1); the first is what an import creates
    Input: type[BaseModel]
    Output: type[BaseModel]
    Label: type[BaseModel]
    label_template: str  # the form testers label with
    labels_are_written: bool  # in the testers' own words, so that a label equal to the model's answer may be pasted
    settings_help: str  # what its settings are, in a line for whoever fills them in

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The persona's settings as this task reads them; InvalidInput if they do not suffice."""

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """InvalidInput, naming the field, if it is not an input of this task."""

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        """InvalidInput, naming the field, if it is not a label that this persona knows."""

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        """The default system prompt, built from the persona (RT5)."""

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        """What was said before, oldest first: context that is put to the model and never learnt. Mostly empty."""

    def user_message(self, data: Mapping[str, Any]) -> str:
        """How an input is put to the model."""

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        """What the model should have answered: made from the human label, never from the model's answer (UX3)."""

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        """A model's answer as an output; InvalidInput with code `unparsable_answer` if it is none."""

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        """How right an output (or label) is against the true label, from 0 to 1: the task's accuracy."""

    def category(self, label: Mapping[str, Any]) -> str:
        """The class of a label, at most 100 characters: splits are balanced by it. Empty if the task has none."""

    def agreement(self, label: Mapping[str, Any]) -> Any:
        """The part of a label, as JSON, on which two testers have to say the same to agree."""

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        """A label as the people who chose it read it."""

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        """The label form, pre-filled with what the model answered; None if that would be no label."""

    def quality(self, signals: Signals) -> Quality:
        """How good an example is, from what people said of it: see `tasks/quality.py` for the two scales."""

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """What a question and, if it is known, its right answer mean here: an input and a label, not yet checked.

        Rows of files and chats come in this way; it reads what `user_message` and `assistant_message` write.
        """

    def read_form(self, form: Form) -> dict[str, Any]:
        """The label that a submitted label form stands for, not yet checked."""


def check(schema: type[BaseModel], data: Mapping[str, Any], *, resolution: str = "") -> dict[str, Any]:
    """`data` as `schema` reads it; InvalidInput naming the first field that is wrong."""
    try:
        return schema.model_validate(data).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        message = f"{name}: {what}." if name else f"{what}."
        raise InvalidInput(
            message, resolution=resolution or f"It needs: {', '.join(schema.model_fields)}.", param=name or None
        ) from None


def read_json_answer(schema: type[BaseModel], text: str, *, expected: str) -> dict[str, Any]:
    """A model's answer as `schema` reads it; InvalidInput with code `unparsable_answer` saying what was `expected`."""
    try:
        return check(schema, json.loads(without_fence(text)))
    except InvalidInput as error:
        raise unparsable(f"it is not {expected} ({error.message.rstrip('.')})") from None
    except (ValueError, RecursionError):
        raise unparsable(f"it is not {expected}") from None


def without_fence(text: str) -> str:
    """Many chat models put JSON between ``` lines however they are asked."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json")
    return text


def unparsable(why: str) -> InvalidInput:
    return InvalidInput(
        f"The model's answer cannot be used: {why}.",
        resolution="Ask again, or use a model that was trained on this persona's dataset.",
        code="unparsable_answer",
    )
