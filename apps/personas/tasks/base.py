"""What a task is: the one protocol that the five kinds of work follow, and what their files share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator

from apps.common.errors import InvalidInput


@dataclass(frozen=True)
class PersonaFacts:
    """What a task may know of a persona. Tasks never see the database row."""

    name: str
    identity: str = ""
    platform_context: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class Schema(BaseModel):
    """Base of the tasks' schemas: a key that is not named is an error, never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        """PostgreSQL stores no NUL. (Halves of surrogate pairs are refused by pydantic itself.)"""
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("it contains a NUL character")
        return value


class Task(Protocol):
    """One kind of work. Inputs, outputs and labels are plain JSON objects, as stored, checked by the three schemas."""

    name: str
    title: str
    kinds: tuple[str, ...]  # of examples; the first is what an import creates
    Input: type[BaseModel]
    Output: type[BaseModel]
    Label: type[BaseModel]
    label_template: str  # the form testers label with

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

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        """A label as the people who chose it read it."""

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        """The label form, pre-filled with what the model answered; None if that would be no label."""

    def read_row(self, text: str, category: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """What a row of a two-column file means here: an input, and a label if the row carries one."""

    def read_form(self, form: Mapping[str, str]) -> dict[str, Any]:
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
