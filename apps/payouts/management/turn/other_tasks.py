"""The tasks that the turn itself does not need: a persona of each, with content that people can look at and label."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from django.utils import timezone

from apps.contributions.services import (
    NewExample,
    NewLabel,
    create_examples,
    create_synthetic_examples,
    import_reference_answers,
    process_upload,
    receive_upload,
    submit_labels,
)
from apps.payouts.management.turn.house import PRICE_PER_RUN_MICROS, House
from apps.payouts.management.turn.sample import SAMPLE_DIR
from apps.personas.models import Persona
from apps.personas.services import create_persona
from apps.providers.queries import system_base_model

Say = Callable[[str], None]
LEFT_TO_LABEL = 3  # every third row waits at the review desk


@dataclass(frozen=True)
class SamplePersona:
    """`rows` is a file of the sample: on each line an input, what a model answered, and what a person says is right;
    for a conversation, what was said.
    """

    slug: str
    name: str
    task: str
    rows: str
    identity: str
    guidelines: str
    settings: dict[str, Any] = field(default_factory=dict)


WEBSITE_TESTER = SamplePersona(
    slug="website-tester",
    name="Website tester",
    task="ux_test",
    rows="ux_tests.jsonl",
    identity="You visit websites as an ordinary person with something to get done.",
    guidelines="Do the mission yourself first. An issue is real if it stood in your way, or would have stood in "
    "somebody's. What you merely dislike is none.",
)
PAGE_MAKER = SamplePersona(
    slug="page-maker",
    name="Page maker",
    task="page_builder",
    rows="pages.jsonl",
    identity="You build pages for small businesses, from a few sentences.",
    guidelines="Would the owner publish it as it is? Correct what is wrong or made up; leave taste alone.",
)
HECKLER = SamplePersona(
    slug="friendly-heckler",
    name="Friendly heckler",
    task="roast",
    rows="roasts.jsonl",
    identity="You tease the way friends do: the joke is on what was said, never on who said it.",
    guidelines="Approve what would make the person who wrote the comment laugh. Rewrite what is lame; make mean "
    "ones kind.",
    settings={"style": "playful", "intensity": 2},
)
BAKER = SamplePersona(
    slug="nora-the-baker",
    name="Nora the baker",
    task="conversation",
    rows="conversations.txt",
    identity="You run the bakery by the harbour and know everybody in the street.",
    guidelines="Would Nora say it, and in these words? Keep to what she can know.",
)
LABELLED = (WEBSITE_TESTER, PAGE_MAKER, HECKLER)


def show_other_tasks(house: House, *, say: Say) -> None:
    """Each task once more than the turn: its persona, its examples, most of them labelled. Again changes nothing."""
    for sample in LABELLED:
        persona = _persona(house, sample)
        labelled = _label(house, _bring_in(house, persona, sample))
        say(f"{persona}: {persona.examples.count():,} examples, {labelled:,} newly labelled")
    _upload_conversations(house, say=say)
    _page_templates(house, say=say)
    _reference_roasts(house, say=say)


def _persona(house: House, sample: SamplePersona) -> Persona:
    known = Persona.objects.of_organization(house.organization).filter(slug=sample.slug).first()
    return known or create_persona(
        organization=house.organization,
        slug=sample.slug,
        name=sample.name,
        task=sample.task,
        base_model=system_base_model(),
        settings=sample.settings,
        identity=sample.identity,
        guidelines=sample.guidelines,
        price_per_run_micros=PRICE_PER_RUN_MICROS,
        by=house.admin,
    )


def _bring_in(house: House, persona: Persona, sample: SamplePersona) -> list[tuple[int, dict[str, Any]]]:
    """The rows as examples; those that are new, as (example id, what is right)."""
    rows = [json.loads(line) for line in (SAMPLE_DIR / sample.rows).read_text().splitlines()]
    items = [
        NewExample(persona.slug, row["input"], output=row["output"], client_id=f"sample-{number}")
        for number, row in enumerate(rows, 1)
    ]
    results = create_examples(organization=house.organization, items=items, by=house.admin, now=timezone.now())
    return [
        (result.example.pk, row["label"])
        for result, row in zip(results, rows, strict=True)
        if result.example is not None
    ]


def _label(house: House, rows: list[tuple[int, dict[str, Any]]]) -> int:
    """The testers in turn label what is new, but leave every third row to whoever tries the desk."""
    given = [(pk, label) for number, (pk, label) in enumerate(rows, 1) if number % LEFT_TO_LABEL]
    for tester in house.testers:
        mine = [pair for pair, whose in zip(given, cycle(house.testers), strict=False) if whose == tester]
        submit_labels(tester=tester, labels=[NewLabel(pk, label) for pk, label in mine], now=timezone.now())
    return len(given)


def _upload_conversations(house: House, *, say: Say) -> None:
    """What the worker does with a file, done here: the turn has no worker."""
    persona = _persona(house, BAKER)
    with (SAMPLE_DIR / BAKER.rows).open("rb") as file:
        received = receive_upload(persona=persona, file=file, name=BAKER.rows, speaker="Nora", by=house.admin)
    process_upload(upload=received.upload, now=timezone.now())
    proposed = persona.few_shot_examples.filter(is_active=False).count()
    say(f"{persona}: {persona.examples.count():,} examples of an upload, {proposed:,} few-shot examples to look at")


def _page_templates(house: House, *, say: Say) -> None:
    persona = Persona.objects.of_organization(house.organization).get(slug=PAGE_MAKER.slug)
    made = create_synthetic_examples(persona=persona, by=house.admin, now=timezone.now())
    say(f"{persona}: {made.created:,} synthetic examples from page templates, marked as such")


def _reference_roasts(house: House, *, say: Say) -> None:
    persona = Persona.objects.of_organization(house.organization).get(slug=HECKLER.slug)
    with (SAMPLE_DIR / "reference_roasts.csv").open("rb") as file:
        kept = import_reference_answers(persona=persona, file=file, by=house.admin)
    say(f"{persona}: {kept.created:,} reference answers, {kept.known:,} known")
