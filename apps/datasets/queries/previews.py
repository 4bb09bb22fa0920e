"""What a dataset would be, before anything is written."""

from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter

from apps.common.fine_tuning import MIN_EXAMPLES
from apps.contributions.enums import Split
from apps.datasets.enums import LeftOut
from apps.datasets.models import FORMAT, MAX_ROWS, MIN_QUALITY_SCORE
from apps.datasets.queries.choice import choose_examples
from apps.datasets.queries.rendering import Rendered, render_examples, system_prompt_for
from apps.personas.models import Persona

SAMPLE = 200  # lines rendered for the token estimate, evenly spread
WRITING = 2  # rendering and inserting a row take about twice as long as rendering it alone, measured on both databases
RECOMMENDED, OPTIMAL = 100, 500  # SC2


@dataclass(frozen=True)
class Preview:
    """`training_tokens` is exact when the dataset is no larger than the sample, else the sample's mean times rows."""

    training: int
    validation: int
    left_out: dict[LeftOut, int]
    training_tokens: int
    tokens_are_exact: bool
    seconds: float  # that building would take, estimated by how long this took
    sample: list[Rendered]  # the first training lines, as they would stand in the file

    @property
    def examples(self) -> int:
        return self.training + self.validation

    @property
    def advice(self) -> str:
        return advise(self.training)


def advise(training: int) -> str:
    """What the documents say about so many training examples (SC2); empty when there are enough."""
    if training < MIN_EXAMPLES:
        return too_few(training)
    if training < RECOMMENDED:
        return f"{training} examples will do; {RECOMMENDED} or more are recommended, {OPTIMAL} or more are optimal."
    if training < OPTIMAL:
        return f"{training} examples are good; {OPTIMAL} or more are optimal."
    return ""


def too_few(training: int) -> str:
    """SC2's sentence."""
    return f"Need at least {MIN_EXAMPLES} examples. Current: {training}"


def preview(
    *,
    persona: Persona,
    min_quality_score: Decimal = MIN_QUALITY_SCORE,
    maximum: int | None = MAX_ROWS,
    include_persona: bool = True,
    include_platform_context: bool = False,
    seed: int = 1,
    format_name: str = FORMAT,
) -> Preview:
    """The numbers of the dataset that `build_dataset` would make of the same arguments."""
    began = perf_counter()
    choice = choose_examples(persona=persona, min_quality_score=min_quality_score, maximum=maximum, seed=seed)
    training = [pk for pk, side in choice.rows if side == Split.TRAIN]
    system = system_prompt_for(
        persona=persona, include_persona=include_persona, include_platform_context=include_platform_context
    )
    spread = training[:: -(-len(training) // SAMPLE) or 1]
    chosen = perf_counter()
    rendered = list(render_examples(persona=persona, system=system, format_name=format_name, ids=spread))
    rendering = (perf_counter() - chosen) * len(choice.rows) / max(1, len(spread))
    sampled_tokens = sum(line.tokens for line in rendered)
    return Preview(
        training=len(training),
        validation=choice.count(Split.VALIDATION),
        left_out=choice.left_out,
        training_tokens=sampled_tokens * len(training) // len(spread) if spread else 0,
        tokens_are_exact=len(spread) == len(training),
        seconds=chosen - began + WRITING * rendering,
        sample=rendered[:3],
    )
