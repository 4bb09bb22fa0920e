"""Labels that look pasted from the model's answer: staff look at them, and nobody is accused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.tasks.wording import shared_wording

NEARLY_EQUAL = 0.95  # of the words, in their order: a changed comma or greeting is no answer of one's own
READING_SPEED = 25  # characters a second: 300 words a minute, where people read 238 (Brysbaert, JML 109, 2019)


@dataclass(frozen=True)
class Screened:
    similarity: float | None  # to the model's answer, 0-1; None where nothing was shown, or nothing is written
    is_flagged: bool


NOTHING_TO_SCREEN = Screened(None, is_flagged=False)


def screen_label(
    *, persona: Persona, label: Mapping[str, Any], shown: Mapping[str, Any] | None, seconds_spent: int | None
) -> Screened:
    """How alike a label and the model's answer are, and whether the tester can have read what they handed in.

    Saving a good answer as it is, is what the desk asks for: only who was faster than the answer can be read is
    flagged. Labels that are chosen, from a codebook, say, are never screened: the right code is the model's code.
    """
    task = task_of(persona)
    answer = task.label_of_output(shown, facts_of(persona)) if shown and task.labels_are_written else None
    if answer is None:
        return NOTHING_TO_SCREEN
    words = task.assistant_message(answer)
    similarity = shared_wording(task.assistant_message(label), words)
    unread = seconds_spent is not None and seconds_spent < len(words) / READING_SPEED
    return Screened(similarity, is_flagged=similarity >= NEARLY_EQUAL and unread)
