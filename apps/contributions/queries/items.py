"""What a page that asks for a label is told of an item: at the review desk, and where staff decide."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from apps.common.errors import FlywheelError
from apps.contributions.models import TrainingExample
from apps.contributions.queries.wording import diff_texts, payload_text
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of

NOT_SAID = ("csrfmiddlewaretoken", "start")  # fields of the page, none of the task's


def describe_item(*, persona: Persona, example: TrainingExample) -> dict[str, Any]:
    """What is read before anything is decided, and the task's own form.

    `answer` is the model's as it was stored, `prefilled` the same as a label, empty if it is none; `filled` is what
    the form starts with.
    """
    task, data = task_of(persona), example.input or {}
    prefilled = _prefilled(persona, example)
    return {
        "example": example,
        "history": task.history(data) if data else [],
        "question": task.user_message(data) if data else "",
        "answer": example.output or {},
        "prefilled": prefilled,
        "filled": prefilled,
        "settings": facts_of(persona).settings,
        "label_template": task.label_template,
        "shows_diff": bool(prefilled) and task.labels_are_written,
    }


def read_back(*, persona: Persona, form: QueryDict) -> dict[str, Any]:
    """What a submitted form held, for the next one to hold again.

    `typed` its fields; `filled` the label it stands for, if it can be read as one; `words` all of it as a text to copy.
    """
    typed = {name: values for name, values in form.lists() if name not in NOT_SAID}
    words = "\n".join(str(value) for values in typed.values() for value in values if value)
    said = _said(persona, form)
    filled = {} if isinstance(said, FlywheelError) else {"filled": said}
    return {"typed": {name: values[-1] for name, values in typed.items()}, "words": words, **filled}


def describe_changes(*, persona: Persona, example: TrainingExample, form: QueryDict) -> dict[str, Any]:
    """What a form changed of the model's answer, as `changes`; as `error`, why that cannot be told."""
    said = _said(persona, form)
    if isinstance(said, FlywheelError):
        return {"error": said}
    changed = diff_texts(payload_text(_prefilled(persona, example)), payload_text(said))
    return {"changes": changed, "is_equal": all(change.kind == "kept" for change in changed)}


def _prefilled(persona: Persona, example: TrainingExample) -> Mapping[str, Any]:
    return task_of(persona).label_of_output(example.output or {}, facts_of(persona)) or {}


def _said(persona: Persona, form: QueryDict) -> dict[str, Any] | FlywheelError:
    try:
        return task_of(persona).read_form(form)
    except FlywheelError as error:
        return error
