"""From examples to lines: the one place where a persona's task, the anonymiser and a file format meet.

What people said is anonymised (PB6), the turns of a conversation together, so that a name found in one goes in all. The
system prompt is the organization's own text, and stays what the model will be asked with. What a machine reads (a code,
a name of the persona's settings inside JSON) stays too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.common.batches import in_batches
from apps.common.errors import Conflict, InvalidInput
from apps.contributions.detectors import anonymise
from apps.contributions.models import TrainingExample
from apps.contributions.queries.known_values import known_values_of
from apps.datasets.formats import FORMATS
from apps.datasets.formats.base import RenderInput
from apps.personas.models import Persona, PromptVersion
from apps.personas.queries import active_prompt, facts_of, task_of

BATCH = 1000
WordsOf = Callable[[TrainingExample], tuple[RenderInput, dict[str, int]]]


@dataclass(frozen=True)
class Rendered:
    example: TrainingExample
    words: RenderInput
    line: str
    tokens: int  # of one epoch, in the encoding of the persona's base model
    redactions: dict[str, int] = field(default_factory=dict)  # how often each kind of personal data was replaced


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
    file_format, encoding = FORMATS.get(format_name), persona.base_model.encoding
    words_of = anonymised_words(persona=persona, system=system.text)

    def render(example: TrainingExample) -> Rendered:
        try:
            words, redactions = words_of(example)
        except InvalidInput as error:
            raise InvalidInput(
                f"Example {example.pk} cannot become a training line: {error.message}",
                resolution="Correct its label or reject it, then build the dataset again.",
                code="example_has_no_line",
            ) from error
        line, tokens = file_format.render(words), file_format.count_tokens(words, encoding=encoding)
        return Rendered(example=example, words=words, line=line, tokens=tokens, redactions=redactions)

    return render


def anonymised_words(*, persona: Persona, system: str = "") -> WordsOf:
    """What reads examples in the words that leave the installation, and counts what it replaced, by kind.

    Lines are made of them, and evaluations ask in them. What is known of the organization is read here, once for all
    examples. What is returned raises the task's InvalidInput for an example that it cannot say.
    """
    task, hide = task_of(persona), _anonymiser(persona)

    def words_of(example: TrainingExample) -> tuple[RenderInput, dict[str, int]]:
        said = RenderInput(
            system=system,
            user=task.user_message(example.input),
            assistant=task.assistant_message(example.accepted_label),
            history=tuple((turn["role"], turn["content"]) for turn in task.history(example.input)),
        )
        return hide(said)

    return words_of


def _anonymiser(persona: Persona) -> Callable[[RenderInput], tuple[RenderInput, dict[str, int]]]:
    known = known_values_of(organization=persona.organization)
    machine_readable = frozenset(_strings_in(facts_of(persona).settings))

    def keep(_path: tuple[str, ...], text: str) -> bool:
        return text in machine_readable

    def hide(said: RenderInput) -> tuple[RenderInput, dict[str, int]]:
        texts = [*(content for _, content in said.history), said.user, said.assistant]
        found = anonymise(texts, known=known, keep=keep)
        *turns, user, assistant = found.texts
        history = tuple((role, content) for (role, _), content in zip(said.history, turns, strict=True))
        words = RenderInput(system=said.system, user=user, assistant=assistant, history=history)
        return words, {str(kind): count for kind, count in found.counts.items()}

    return hide


def _strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings_in(part)
