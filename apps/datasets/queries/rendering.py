"""From examples to lines: the one place where a persona's task and a file format meet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apps.common.batches import in_batches
from apps.common.errors import Conflict, InvalidInput
from apps.contributions.models import TrainingExample
from apps.datasets.formats import FORMATS
from apps.datasets.formats.base import RenderInput
from apps.personas.models import Persona, PromptVersion
from apps.personas.queries import active_prompt, facts_of, task_of

BATCH = 1000


@dataclass(frozen=True)
class Rendered:
    example: TrainingExample
    words: RenderInput
    line: str
    tokens: int  # of one epoch, in the encoding of the persona's base model


@dataclass(frozen=True)
class SystemPrompt:
    """The text that every line starts with, and the prompt version it is, unless the options built another."""

    text: str
    version: PromptVersion | None


def system_prompt_for(*, persona: Persona, include_persona: bool, include_platform_context: bool) -> SystemPrompt:
    """With the default options a model is trained on the very prompt it will be asked with: the active version's.

    Otherwise the task builds one from the persona (RT5), and no version is recorded.
    """
    version = active_prompt(persona)
    if version is not None and include_persona and not include_platform_context:
        return SystemPrompt(text=version.system_prompt, version=version)
    text = task_of(persona).system_prompt(
        facts_of(persona), include_persona=include_persona, include_platform_context=include_platform_context
    )
    return SystemPrompt(text=text, version=None)


def render_examples(
    *, persona: Persona, system: SystemPrompt, format_name: str, ids: Sequence[int]
) -> Iterator[Rendered]:
    """The lines of `ids`, in that order, a batch of payloads at a time.

    InvalidInput names an example that has no line. Conflict: one of them may no longer be trained on.
    """
    render = _renderer(persona, system, format_name)
    for batch in in_batches(ids, BATCH):
        columns = TrainingExample.objects.trainable().only("input", "accepted_label", "content_hash")
        examples = columns.in_bulk(batch)
        if len(examples) < len(batch):
            raise examples_changed_meanwhile()
        yield from (render(examples[pk]) for pk in batch)


def examples_changed_meanwhile() -> Conflict:
    return Conflict(
        "Examples were withdrawn or changed while the dataset was being built.",
        resolution="Build it again.",
        code="examples_changed",
    )


def _renderer(persona: Persona, system: SystemPrompt, format_name: str) -> Callable[[TrainingExample], Rendered]:
    task, file_format, encoding = task_of(persona), FORMATS.get(format_name), persona.base_model.encoding

    def render(example: TrainingExample) -> Rendered:
        try:
            words = RenderInput(
                system=system.text,
                user=task.user_message(example.input),
                assistant=task.assistant_message(example.accepted_label),
                history=tuple((turn["role"], turn["content"]) for turn in task.history(example.input)),
            )
        except InvalidInput as error:
            raise InvalidInput(
                f"Example {example.pk} cannot become a training line: {error.message}",
                resolution="Correct its label or reject it, then build the dataset again.",
                code="example_has_no_line",
            ) from error
        line, tokens = file_format.render(words), file_format.count_tokens(words, encoding=encoding)
        return Rendered(example=example, words=words, line=line, tokens=tokens)

    return render
