"""What a page is: sections of ten types, typed where that is cheap and open within limits everywhere else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, RootModel, SerializerFunctionWrapHandler, model_serializer

from apps.common.errors import InvalidInput
from apps.common.ids import canonical_json
from apps.common.safe_json import UNUSABLE_TEXT
from apps.personas.tasks.base import Schema, Text

MAX_SECTIONS = 40
MAX_CALLS = 40
MAX_DEPTH = 12  # of nested lists and objects; a page of the documented shape needs six
MAX_KEY_CHARACTERS = 100
MAX_CHARACTERS = 200_000  # of an answer, or an input, as JSON
LARGEST = 2**63  # of whole numbers: what readers in other languages can hold


class Part(BaseModel):
    """A piece of a page. Its other keys are kept as they are, and what was not said is not stored as empty."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_serializer(mode="wrap")
    def _what_was_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in dump(self).items() if key in self.model_fields_set}


class Button(Part):
    label: str | None = None
    href: str | None = None


class Feature(Part):
    title: str | None = None
    description: str | None = None


class Plan(Part):
    name: str | None = None
    price: str | int | float | None = None
    features: list[str] | None = None


class Testimonial(Part):
    quote: str | None = None
    author: str | None = None


class Member(Part):
    name: str | None = None
    role: str | None = None


class Question(Part):
    question: str | None = None
    answer: str | None = None


class Picture(Part):
    url: str | None = None
    alt: str | None = None


class Service(Part):
    name: str | None = None
    price: str | int | float | None = None


class Section(Part):
    type: str
    title: str | None = None
    subtitle: str | None = None


class Hero(Section):
    type: Literal["hero"]
    button: Button | None = None


class Features(Section):
    type: Literal["features"]
    items: list[Feature] | None = None


class Pricing(Section):
    type: Literal["pricing"]
    plans: list[Plan] | None = None


class Testimonials(Section):
    type: Literal["testimonials"]
    items: list[Testimonial] | None = None


class Team(Section):
    type: Literal["team"]
    members: list[Member] | None = None


class Faq(Section):
    type: Literal["faq"]
    items: list[Question] | None = None


class Gallery(Section):
    type: Literal["gallery"]
    images: list[Picture] | None = None


class Booking(Section):
    type: Literal["booking"]
    services: list[Service] | None = None
    button: Button | None = None


class Contact(Section):
    type: Literal["contact"]
    email: str | None = None
    phone: str | None = None
    address: str | None = None


class CallToAction(Section):
    type: Literal["cta"]
    button: Button | None = None


SectionType = Literal[
    "hero", "features", "pricing", "testimonials", "team", "faq", "gallery", "booking", "contact", "cta"
]  # fmt: skip
SECTION_TYPES: tuple[str, ...] = get_args(SectionType)
AnySection = Annotated[
    Hero | Features | Pricing | Testimonials | Team | Faq | Gallery | Booking | Contact | CallToAction,
    Field(discriminator="type"),
]


class Metadata(Part):
    title: Annotated[Text, Field(min_length=1, max_length=200)]
    description: str | None = None


class Page(Schema):
    version: Annotated[Text, Field(min_length=1, max_length=20)]
    metadata: Metadata
    sections: Annotated[list[AnySection], Field(min_length=1, max_length=MAX_SECTIONS)]


class ToolCall(Schema):
    name: Annotated[Text, Field(min_length=1, max_length=100)]
    arguments: dict[str, Any]


class ToolCalls(Schema):
    tool_calls: Annotated[list[ToolCall], Field(min_length=1, max_length=MAX_CALLS)]


class DesignChoice(Schema):
    """Colours, fonts and the like: names are the asker's own."""

    design: Annotated[dict[str, Any], Field(min_length=1)]
    reason: Annotated[Text, Field(max_length=5_000)] = ""


class Answer(RootModel[Page | ToolCalls | DesignChoice]):
    """One of three shapes: a page for `page_generation` and `section_edit`, else what the kind's name says (PB1)."""


def shape_of(data: Mapping[str, Any]) -> type[BaseModel]:
    """Which of the three shapes an answer has, by the key that only this one has; a page if by none."""
    if "tool_calls" in data:
        return ToolCalls
    return DesignChoice if "design" in data else Page


def refuse_unstorable(data: Any) -> None:
    """InvalidInput, naming the place, for what is no JSON, is nested too deeply, is too long or cannot be stored."""
    places = [("", data, 0)]
    while places:
        path, value, depth = places.pop()
        if flaw := _flaw_of(value, depth):
            raise _unusable(path, flaw)
        places.extend((f"{path}.{key}".lstrip("."), child, depth + 1) for key, child in children_of(value))
    if len(canonical_json(data)) > MAX_CHARACTERS:
        raise _unusable("", f"it has more than {MAX_CHARACTERS:,} characters as JSON")


def refuse_other_types(page: Any, types: Sequence[str], *, path: str = "sections") -> None:
    """InvalidInput, naming the place, for a section whose type is none of `types`. All else is the schemas' to say."""
    found = page.get("sections") if isinstance(page, Mapping) else None
    for place, section in enumerate(found if isinstance(found, list) else []):
        if isinstance(section, dict) and section.get("type") not in types:
            said = f"{str(section['type'])[:50]!r} is no type of section here" if "type" in section else "it is missing"
            raise InvalidInput(
                f"{path}.{place}.type: {said}.",
                resolution=f"Choose from: {', '.join(types)}.",
                param=f"{path}.{place}.type",
            )


def children_of(value: Any) -> Iterator[tuple[str, Any]]:
    """What a JSON value holds, by key or by place."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(place), child) for place, child in enumerate(value))


def _flaw_of(value: Any, depth: int) -> str:
    if depth > MAX_DEPTH:
        return f"it is nested more than {MAX_DEPTH} levels deep"
    if isinstance(value, str):
        return "it contains a NUL character or half of a surrogate pair" if UNUSABLE_TEXT.search(value) else ""
    if isinstance(value, dict):
        return "" if all(map(_is_usable_key, value)) else "one of its keys is no name, or a very long one"
    if isinstance(value, int | float):
        return "" if abs(value) < LARGEST else "it is a number that is too large, or none"  # NaN is not less
    return "" if value is None or isinstance(value, list) else "it is no JSON"


def _is_usable_key(key: Any) -> bool:
    return isinstance(key, str) and len(key) <= MAX_KEY_CHARACTERS and not UNUSABLE_TEXT.search(key)


def _unusable(path: str, flaw: str) -> InvalidInput:
    message = f"{path}: {flaw}." if path else f"{flaw[0].upper()}{flaw[1:]}."
    return InvalidInput(message, resolution="Correct or shorten it.", param=path or None)
