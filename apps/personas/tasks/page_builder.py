"""Building pages from a request: whole pages, edits of a section, choices of design, calls of tools (PB1)."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field
from rapidfuzz.distance import Indel

from apps.common.errors import InvalidInput
from apps.common.ids import canonical_json
from apps.personas.tasks.base import Form, PersonaFacts, Schema, Text, Turn, check, unparsable, without_fence
from apps.personas.tasks.page_schema import (
    SECTION_TYPES,
    Answer,
    Page,
    SectionType,
    children_of,
    refuse_other_types,
    refuse_unstorable,
    shape_of,
)
from apps.personas.tasks.quality import Quality, Signals, usual_quality

MAX_PROMPT_CHARACTERS = 10_000
MAX_CONTEXT_CHARACTERS = 20_000
CONTEXT, CURRENT_PAGE = "\n\nContext:\n", "\n\nCurrent page:\n"
SHAPES = 'a page {"version", "metadata", "sections"}, {"tool_calls": [...]} or {"design": {...}}'
INSTRUCTIONS = """\
You design web pages. Answer with JSON and nothing else:
{"version": "1.0", "metadata": {"title": ..., "description": ...}, "sections": [{"type": ..., ...}, ...]}
Asked to change a page, answer with the whole page as it is then. Asked for a choice of design alone, answer \
{"design": {...}, "reason": ...}. To have tools called, answer {"tool_calls": [{"name": ..., "arguments": {...}}]}."""


class PageRequest(Schema):
    prompt: Annotated[Text, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    context: Annotated[Text, Field(max_length=MAX_CONTEXT_CHARACTERS)] = ""  # industry, location, features needed, ...
    current_page: Page | None = None  # what an edit begins with


class Settings(Schema):
    section_types: list[SectionType] = Field(default_factory=list)
    language: Annotated[Text, Field(max_length=50)] = ""


class PageBuilder:
    name = "page_builder"
    title = "Building pages"
    schema_version = 1
    kinds: tuple[str, ...] = ("page_generation", "tool_invocation", "design_choice", "section_edit")
    Input: type[BaseModel] = PageRequest
    Output: type[BaseModel] = Answer
    Label: type[BaseModel] = Answer
    label_template = "contributions/labels/page_builder.html"
    labels_are_written = True
    settings_help = 'If you like: {"section_types": ["hero", "features", …], "language": "German"}; no types: all ten'

    def clean_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``{"section_types": [...], "language": "German"}``: the types it offers, all ten unless named."""
        return check(Settings, settings)

    def clean_input(self, data: Mapping[str, Any]) -> dict[str, Any]:
        refuse_unstorable(dict(data))
        refuse_other_types(data.get("current_page"), SECTION_TYPES, path="current_page.sections")
        return check(PageRequest, data)

    def clean_label(self, data: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any]:
        refuse_unstorable(dict(data))
        refuse_other_types(data, _types(facts))
        return check(shape_of(data), data, resolution=f"It needs to be {SHAPES}.")

    def system_prompt(
        self, facts: PersonaFacts, *, include_persona: bool = True, include_platform_context: bool = False
    ) -> str:
        parts = [INSTRUCTIONS, f"Types of sections, to be used in the order of the page: {', '.join(_types(facts))}."]
        if include_persona:
            parts.insert(0, f"You are {facts.name}. {facts.identity}".strip())
        if include_platform_context and facts.platform_context:
            parts.append(f"About the platform:\n{facts.platform_context}")
        if language := facts.settings.get("language"):
            parts.append(f"Write the words on the page in {language}.")
        return "\n\n".join(parts)

    def history(self, data: Mapping[str, Any]) -> list[Turn]:
        return []

    def user_message(self, data: Mapping[str, Any]) -> str:
        """In words under two headings; as JSON where the words themselves look like such headings."""
        text = _in_words(data)
        return text if _read_question(text) == _whole(data) else _dump(_whole(data))

    def assistant_message(self, label: Mapping[str, Any]) -> str:
        return _dump(label)

    def parse_answer(self, text: str, facts: PersonaFacts) -> dict[str, Any]:
        """One of the three shapes, or the list of calls that a provider gives where a model called tools."""
        try:
            return self.clean_label(_as_answer(_load(without_fence(text), field="answer")), facts)
        except InvalidInput as error:
            raise unparsable(f"it is not {SHAPES} ({error.message.rstrip('.')})") from None

    def compare(self, predicted: Mapping[str, Any], true: Mapping[str, Any]) -> float:
        """Section accuracy (PB10): the mean of how alike the order of sections is and how many fields are equal.

        Order: twice the longest common subsequence of section types over the sections of both. Fields: F1 of equal
        values at equal places, where a section's place is its type and its number among those of that type. Calls of
        tools are compared as sections are, by name and arguments; a choice of design by its fields alone. An answer
        that is no JSON never comes here: it scores 0. What is worded otherwise counts as wrong, however good it is.
        """
        names, true_names = _names(predicted), _names(true)
        fields = _share_of_equal(Counter(_fields(predicted)), Counter(_fields(true)))
        if not names and not true_names:
            return fields
        return (float(Indel.normalized_similarity(names, true_names)) + fields) / 2

    def category(self, label: Mapping[str, Any]) -> str:
        return ""

    def agreement(self, label: Mapping[str, Any]) -> Any:
        """The whole answer: whoever left the model's page as it is agrees with everybody who did."""
        return dict(label)

    def label_text(self, label: Mapping[str, Any], facts: PersonaFacts) -> str:
        """`Sailing School: hero, features, faq`; the names of the tools; or the choice itself."""
        if "sections" in label:
            return f"{label['metadata']['title']}: {', '.join(_names(label))}"
        return ", ".join(_names(label)) or canonical_json(label["design"])

    def label_of_output(self, output: Mapping[str, Any], facts: PersonaFacts) -> dict[str, Any] | None:
        try:
            return self.clean_label(output, facts)
        except InvalidInput:
            return None

    def quality(self, signals: Signals) -> Quality:
        """PB3's points; the score is the share of votes, and a tenth of the points where nobody labelled the page."""
        return usual_quality(signals)

    def read_pair(
        self, question: str, answer: str = "", history: Sequence[Turn] = ()
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """In a chat, a request is about the page that was answered last. InvalidInput if `answer` is no JSON."""
        data = _read_question(question)
        if data["current_page"] is None:
            data["current_page"] = _last_page(history)
        return data, _as_answer(_load(answer, field="answer")) if answer else None

    def read_form(self, form: Form) -> dict[str, Any]:
        """InvalidInput naming line and column if what was typed is no JSON."""
        return _as_answer(_load(form.get("answer", ""), field="answer"))


def _types(facts: PersonaFacts) -> Sequence[str]:
    types: Sequence[str] = facts.settings.get("section_types") or SECTION_TYPES
    return types


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _load(text: str, *, field: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        flaw = f"it is no JSON: {error.msg.lower()}, line {error.lineno}, column {error.colno}"
    except RecursionError:
        flaw = "it is nested too deeply"
    except ValueError:
        flaw = "it holds a number that is too large"
    raise InvalidInput(f"{field}: {flaw}.", resolution="Correct that place. Nothing was stored.", param=field)


def _as_answer(data: Any) -> dict[str, Any]:
    """An object as it is, a list as a provider's calls of tools; InvalidInput for anything else."""
    if isinstance(data, list):
        return {"tool_calls": [_as_call(call) for call in data]}
    if not isinstance(data, dict):
        raise InvalidInput("answer: it is no JSON object.", resolution=f"It needs to be {SHAPES}.", param="answer")
    return data


def _as_call(call: Any) -> Any:
    """``{"id", "type", "function": {"name", "arguments": "<JSON>"}}`` as ``{"name", "arguments"}``."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    return {"name": function.get("name"), "arguments": _load(function["arguments"], field="tool_calls.arguments")}


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": data["prompt"], "context": data.get("context", ""), "current_page": data.get("current_page")}


def _in_words(data: Mapping[str, Any]) -> str:
    whole = _whole(data)
    context = f"{CONTEXT}{whole['context']}" if whole["context"] else ""
    page = f"{CURRENT_PAGE}{_dump(whole['current_page'])}" if whole["current_page"] else ""
    return f"{whole['prompt']}{context}{page}"


def _read_question(text: str) -> dict[str, Any]:
    return _read_json(text) or _read_words(text)


def _read_words(text: str) -> dict[str, Any]:
    """What `_in_words` writes. Written JSON has no line ends, so the last heading before it is the one that counts."""
    words, found, written = text.rpartition(CURRENT_PAGE)
    page = _page_in(written) if found else None
    prompt, _, context = (words if page else text).partition(CONTEXT)
    return {"prompt": prompt, "context": context, "current_page": page}


def _read_json(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text) if text.startswith('{"prompt"') else None
    except (ValueError, RecursionError):
        return None
    return _whole(data) if isinstance(data, dict) and data.keys() <= PageRequest.model_fields.keys() else None


def _last_page(history: Sequence[Turn]) -> dict[str, Any] | None:
    answers = (turn["content"] for turn in reversed(history) if turn["role"] == "assistant")
    return next((page for answer in answers if (page := _page_in(without_fence(answer)))), None)


def _page_in(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and "sections" in data else None


def _names(answer: Mapping[str, Any]) -> list[str]:
    """The types of a page's sections, or the names of the tools, in order."""
    return [str(part.get(key)) for key, part in _parts(answer)]


def _parts(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group, key in (("sections", "type"), ("tool_calls", "name")):
        found = answer.get(group)
        yield from ((key, part) for part in found if isinstance(part, dict)) if isinstance(found, list) else ()


def _fields(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every value that holds no others, with its place; the names of sections and tools count elsewhere."""
    seen: Counter[str] = Counter()
    places = [(key, value) for key, value in answer.items() if key not in ("sections", "tool_calls")]
    for key, part in _parts(answer):
        name = str(part.get(key))
        seen[name] += 1
        places += [(f"{name} {seen[name]}.{inner}", value) for inner, value in part.items() if inner != key]
    while places:
        path, value = places.pop()
        inside = [(f"{path}.{key}", child) for key, child in children_of(value)]
        places += inside
        if not inside:
            yield path, canonical_json(value)


def _share_of_equal(predicted: Counter[tuple[str, str]], true: Counter[tuple[str, str]]) -> float:
    both = predicted.total() + true.total()
    return 2 * (predicted & true).total() / both if both else 1.0
