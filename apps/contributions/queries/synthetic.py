"""Pairs made from page templates (PB4), for training before anybody has asked for a page. See synthetic/templates/.

A template is a business with a whole page; its variations say which sections there are, in which order, and how the
page looks. Each variation is asked for in five ways. The words are the template's own and the page is what they ask
for: neither chance nor a model is involved, so that the same templates always give the same pairs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.common.errors import InvalidInput
from apps.personas.tasks import Task

TEMPLATES = Path(__file__).resolve().parent.parent / "synthetic" / "templates"
TASKS_WITH_TEMPLATES = ("page_builder",)
VERSION = "1.0"  # of the pages
OPENING = "the opening"  # what people call the first section, a hero


@dataclass(frozen=True)
class SyntheticPair:
    """A request and the page that answers it, in the shapes of their task."""

    key: str  # "<template>:<style>:<emphasis>": the same for ever, whatever becomes of the words
    kind: str
    input: dict[str, Any]
    label: dict[str, Any]
    metadata: dict[str, str]

    @property
    def template(self) -> str:
        return self.metadata["template"]

    def as_line(self) -> str:
        """The pair as a line of the Hugging Face instruction format (PB5)."""
        page = self.input["current_page"]
        parts = [self.input["context"], *([f"Current page: {_written(page)}"] if page else [])]
        line = {"instruction": self.input["prompt"], "input": "\n".join(parts), "output": _written(self.label)}
        return _written({**line, "metadata": self.metadata})


def synthetic_pairs(*, task: Task) -> list[SyntheticPair]:
    """All pairs there are for a task; InvalidInput if it has no templates."""
    if task.name not in TASKS_WITH_TEMPLATES:
        raise InvalidInput(
            f"There are no templates for {task.title.lower()}.",
            resolution=f"Choose a persona whose task is one of: {', '.join(TASKS_WITH_TEMPLATES)}.",
            code="no_templates",
            param="persona",
        )
    templates = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(TEMPLATES.glob("*.json"))]
    return [
        pair
        for template in templates
        for variation in template["variations"]
        for pair in _Variation(template, variation).pairs()
    ]


class _Variation:
    """One look of a template with a choice of its sections, and the five ways in which it is asked for."""

    def __init__(self, template: Mapping[str, Any], variation: Mapping[str, Any]) -> None:
        self.template, self.variation = template, variation
        self.types: list[str] = variation["sections"]
        self.facts = {
            "Industry": template["industry"],
            "Location": template["location"].partition(" ")[2],
            "Features needed": ", ".join(map(self._words, self.types[1:])),
            "Style": variation["look"],
        }

    def pairs(self) -> Iterator[SyntheticPair]:
        business, page = self.template["business"], self._page(self.types)
        place, look = self.template["location"], self.variation["look"]
        yield self._pair(
            "industry", f"Create a landing page for {business} {place}.", page, says=("Industry", "Location")
        )
        yield self._pair(
            "features", f"Create a page for {business}. Include {self._listed()}.", page, says=("Features needed",)
        )
        yield self._pair("style", f"Design a page for {business} that is {look}.", page, says=("Style",))
        first = self.variation["first"]
        yield self._pair(
            "order",
            f"Make a page for {business}. Put {self._words(first)} right below the opening: that matters most to us.",
            self._page([self.types[0], first, *(other for other in self.types[1:] if other != first)]),
        )
        yield self._edit()

    def _edit(self) -> SyntheticPair:
        """The page without one of its sections, which is asked for."""
        added = self.variation["added"]
        above = self._words(self.types[self.types.index(added) - 1])
        before = self._page([other for other in self.types if other != added])
        prompt = f"Add {self._words(added)} below {above}."
        return self._pair("edit", prompt, self._page(self.types), says=("Features needed",), current_page=before)

    def _pair(
        self,
        emphasis: str,
        prompt: str,
        page: dict[str, Any],
        *,
        says: Sequence[str] = (),
        current_page: dict[str, Any] | None = None,
    ) -> SyntheticPair:
        """What the prompt `says` itself is not told once more beside it."""
        kind = "section_edit" if current_page else "page_generation"
        context = " ".join(f"{name}: {words}." for name, words in self.facts.items() if name not in says)
        slug, style = self.template["slug"], self.variation["style"]
        return SyntheticPair(
            key=f"{slug}:{style}:{emphasis}",
            kind=kind,
            input={"prompt": prompt, "context": context, "current_page": current_page},
            label=page,
            metadata={
                "template": slug,
                "industry": self.template["industry"],
                "style": style,
                "emphasis": emphasis,
                "example_type": kind,
                "source": "synthetic",
            },
        )

    def _page(self, types: Sequence[str]) -> dict[str, Any]:
        by_type = {section["type"]: section for section in self.template["sections"]}
        look = {"industry": self.template["industry"], "theme": self.variation["theme"]}
        return {
            "version": VERSION,
            "metadata": {**self.template["metadata"], **look},
            "sections": [by_type[name] for name in types],
        }

    def _words(self, name: str) -> str:
        return str(self.template["words"].get(name, OPENING))

    def _listed(self) -> str:
        *most, last = map(self._words, self.types[1:])
        return f"{', '.join(most)} and {last}"


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
