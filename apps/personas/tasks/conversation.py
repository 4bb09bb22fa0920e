"""Answering messages as the persona would: avatars that sound like the person they were taught by (AV1-AV3)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator

from apps.common.errors import InvalidInput
from apps.personas.tasks.base import Form, PersonaFacts, Schema, Text, Turn, check, unparsable
from apps.personas.tasks.quality import Quality, Signals, usual_quality
from apps.personas.tasks.wording import shared_wording

MAX_CHARACTERS = 20_000  # of one message
MAX_TURNS = 2_048  # as many messages as the gateway takes
MAX_HISTORY_CHARACTERS = 200_000  # of all earlier messages together
INSTRUCTIONS = """\
You answer messages as yourself: in your own words, in your own tone, and at the length that you usually write.
Answer with the message and nothing else."""
FORMALITY = {
    "formal": "Write formally: whole sentences, no slang.",
    "neutral": "Write neither formally nor carelessly.",
    "informal": "Write informally, as among friends.",
}

Words = Annotated[Text, Field(min_length=1, max_length=MAX_CHARACTERS)]


class EarlierTurn(Schema):
    role: Literal["user", "assistant"]
    content: Words


class Message(Schema):
    history: Annotated[list[EarlierTurn], Field(max_length=MAX_TURNS)] = Field(default_factory=list)
    message: Words

    @field_validator("history")
    @classmethod
    def _limit_together(cls, history: list[EarlierTurn]) -> list[EarlierTurn]:
        if sum(len(turn.content) for turn in history) > MAX_HISTORY_CHARACTERS:
            raise ValueError(f"its turns have more than {MAX_HISTORY_CHARACTERS:,} characters together")
        return history


class Answer(Schema):
    text: Words


class Settings(Schema):
    language: Annotated[Text, Field(max_length=50)] = ""
    formality: Literal["", "formal", "neutral", "informal"] = ""


class Conversation:
    name = "conversation"
    title = "Conversation"
    schema_version = 1
    kinds: tuple[str, ...] = ("chat_turn",)
    Input: type[BaseModel] = Message
    Output: type[BaseModel] = Answer
    Label: type[BaseModel] = Answer
    label_template = "contributions/labels/conversation.html"
    labels_are_written = True
    settings_help = 'If you like: {"language": "German", "formality": "formal", "neutral" or "informal"}'

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``{"language": "German", "formality": "formal" | "neutral" | "informal"}``, each of them optional."""
        return check(Settings, settings)

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return check(Message, data)

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        return check(Answer, data)

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        parts = [INSTRUCTIONS, *_manner(facts)]
        if include_persona:
            parts.insert(0, f"You are {facts.name}. {facts.identity}".strip())
        if include_platform_context and facts.platform_context:
            parts.append(f"About the platform:\n{facts.platform_context}")
        return "\n\n".join(parts)

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        return [Turn(role=turn["role"], content=turn["content"]) for turn in data.get("history", [])]

    def user_message(self, data: Mapping[str, Any]) -> str:
        return str(data["message"])

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        return str(label["text"])

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        try:
            return check(Answer, {"text": text})
        except InvalidInput as error:
            raise unparsable(f"it is no message ({error.message.rstrip('.')})") from None

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        """How alike the two are worded (`shared_wording`): not whether an answer is good, true or in character.

        People's verdicts on answers say that; this tells which of two versions comes nearer to how somebody writes.
        """
        return shared_wording(str(predicted.get("text", "")), str(true.get("text", "")))

    def category(self, label: Mapping[str, Any]) -> str:
        return ""

    def agreement(self, label: Mapping[str, Any]) -> Any:
        """The words, whatever their capitals and spaces: few people write the same, and staff decide between them."""
        return " ".join(str(label["text"]).split()).casefold()

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        return str(label["text"])

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        try:
            return check(Answer, output)
        except InvalidInput:
            return None

    def quality(self, signals: Signals) -> Quality:
        """The share of votes for the accepted words. Testers seldom write the same: verdicts on answers count most."""
        return usual_quality(signals)

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The words as they are; what was said before stays with the message that it led to."""
        return {"history": [dict(turn) for turn in history], "message": question}, {"text": answer} if answer else None

    def read_form(self, form: Form) -> dict[str, Any]:
        """Browsers send line ends as CRLF; an answer that was only confirmed must equal what was shown."""
        return {"text": form.get("text", "").replace("\r\n", "\n")}


def _manner(facts: PersonaFacts) -> list[str]:
    language, formality = facts.settings.get("language", ""), facts.settings.get("formality", "")
    sentences = [f"Write in {language}."] if language else []
    sentences += [FORMALITY[formality]] if formality in FORMALITY else []
    return [" ".join(sentences)] if sentences else []
