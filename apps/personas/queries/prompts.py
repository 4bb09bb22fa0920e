"""Comparing prompts."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.personas.models import PromptVersion


@dataclass(frozen=True)
class PromptLine:
    """A line of two prompts laid over each other. `change` is "" (in both), "added" or "removed"."""

    change: str
    text: str


def compare_prompts(*, old: str, new: str) -> list[PromptLine]:
    """Every line of both, in reading order: what a new prompt keeps, drops and adds."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[PromptLine] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [PromptLine("", text) for text in before[a:b]]
        else:
            lines += [PromptLine("removed", text) for text in before[a:b]]
            lines += [PromptLine("added", text) for text in after[c:d]]
    return lines


def prompt_to_compare_with(prompt: PromptVersion) -> PromptVersion | None:
    """What somebody who looks at a version compares it with: the active one, or, for that one, the one before it."""
    others = PromptVersion.objects.filter(persona=prompt.persona_id).exclude(pk=prompt.pk)
    active = None if prompt.is_active else others.filter(is_active=True).first()
    return active or others.filter(number__lt=prompt.number).order_by("-number").first()
