"""Asking the models of an evaluation its test examples, and writing their answers down.

Questions leave in the words of dataset lines, anonymised (PB6): a version is asked as it was taught.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from apps.common.batches import in_batches
from apps.common.errors import InvalidInput
from apps.contributions.models import TrainingExample
from apps.custom_models.models import Evaluation, EvaluationAnswer, EvaluationArm
from apps.custom_models.queries import held_out_examples
from apps.custom_models.services.evaluation_status import Turn
from apps.datasets.queries import WordsOf, anonymised_words
from apps.personas.queries import active_prompt, build_messages, facts_of, task_of
from apps.personas.tasks.base import PersonaFacts, Task
from apps.providers.adapters import reading
from apps.providers.adapters.base import Access, Provider
from apps.providers.queries import AnswerPrices, access_for, answer_prices

BATCH = 100  # answers written at once, or fewer: those of half a minute
Progress = Callable[[int, int], None]  # answered so far, of how many


@dataclass(frozen=True)
class _Bench:
    """What all answers of an evaluation share. `prefix` is the system prompt with the few-shot turns."""

    provider: Provider
    access: Access
    task: Task
    facts: PersonaFacts
    words_of: WordsOf
    prefix: list[dict[str, Any]]
    options: dict[str, Any]


def answer_all(*, turn: Turn, on_progress: Progress | None) -> None:
    """Have every arm answer what it has not answered yet; both numbers of `on_progress` are answers of all arms.

    TurnLost, TurnOver: stop here, what was answered is kept. ProviderError, Conflict: as the provider's access and its
    answers have it.
    """
    bench = _bench(turn.evaluation)
    for arm in turn.evaluation.arms.select_related("custom_model").order_by("pk"):
        _answer_as(arm, turn, bench, on_progress)


def _bench(evaluation: Evaluation) -> _Bench:
    persona = evaluation.persona
    provider, access = access_for(organization=evaluation.organization, credential=evaluation.candidate.credential)
    return _Bench(
        provider=provider,
        access=access,
        task=task_of(persona),
        facts=facts_of(persona),
        words_of=anonymised_words(persona=persona),
        prefix=build_messages(persona=persona, prompt=active_prompt(persona), messages=[]),
        options={"temperature": float(persona.temperature)},
    )


def _answer_as(arm: EvaluationArm, turn: Turn, bench: _Bench, on_progress: Progress | None) -> None:
    prices = answer_prices(
        base_model=turn.evaluation.candidate.base_model,
        tuned=arm.custom_model_id is not None,
        day=turn.clock.began_at.date(),
    )
    answers: list[EvaluationAnswer] = []
    try:
        for example in _unanswered(turn.evaluation, arm):
            answers.append(_answer(arm, example, bench, prices))
            if len(answers) == BATCH or turn.must_report:
                _write_down(answers, turn, on_progress)
        if answers:
            _write_down(answers, turn, on_progress)
    finally:  # a failing provider must not cost the answers before it
        _store(answers)


def _store(answers: list[EvaluationAnswer]) -> None:
    """What was taken back while a model was asked about it is not written down."""
    asked = TrainingExample.objects.filter(pk__in=[answer.example_id for answer in answers], withdrawn_at=None)
    kept = set(asked.values_list("pk", flat=True)) if answers else set()
    EvaluationAnswer.objects.bulk_create(
        [answer for answer in answers if answer.example_id in kept], ignore_conflicts=True
    )


def _unanswered(evaluation: Evaluation, arm: EvaluationArm) -> Iterator[TrainingExample]:
    """Test examples that this arm has not answered, fetched by key: no cursor stays open while a model thinks."""
    answered = set(arm.answers.values_list("example_id", flat=True))
    examples = held_out_examples(persona=evaluation.persona)
    todo = [pk for pk in examples.values_list("pk", flat=True) if pk not in answered]
    for batch in in_batches(todo, BATCH):
        yield from list(examples.filter(pk__in=batch))  # without what was taken back since


def _write_down(answers: list[EvaluationAnswer], turn: Turn, on_progress: Progress | None) -> None:
    _store(answers)
    answers.clear()
    evaluation = turn.evaluation
    answered = EvaluationAnswer.objects.filter(arm__evaluation=evaluation).count()
    turn.report(answered=answered)
    if on_progress:
        on_progress(answered, evaluation.test_size * evaluation.arms.count())


def _answer(arm: EvaluationArm, example: TrainingExample, bench: _Bench, prices: AnswerPrices) -> EvaluationAnswer:
    words, _ = bench.words_of(example)
    question = [{"role": role, "content": content} for role, content in words.question]
    began = time.perf_counter()
    answer = bench.provider.chat(
        bench.access, model=arm.model_name, messages=[*bench.prefix, *question], **bench.options
    )
    latency = 1000 * (time.perf_counter() - began)
    return EvaluationAnswer(
        arm=arm,
        example=example,
        answer=reading.whole_text(answer.text),
        score=_score(answer.text, _truth(words.assistant, example, bench), bench),
        latency_ms=latency,
        cost_micros=prices.cost_of(
            prompt=answer.prompt_tokens, cached=answer.cached_tokens, completion=answer.completion_tokens
        ),
    )


def _truth(taught: str, example: TrainingExample, bench: _Bench) -> dict[str, Any]:
    """The right answer as a line teaches it; where that is none (replacements can be too long for it), as given."""
    try:
        return bench.task.parse_answer(taught, bench.facts)
    except InvalidInput:
        return dict(example.accepted_label)


def _score(text: str, truth: dict[str, Any], bench: _Bench) -> float:
    """The task's own metric; an answer that the task cannot read is simply wrong."""
    try:
        return bench.task.compare(bench.task.parse_answer(text, bench.facts), truth)
    except InvalidInput:
        return 0.0
