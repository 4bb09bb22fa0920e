"""The turn, step by step. Each step uses the house's own doors: services, the worker's jobs, and the API."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from time import monotonic, sleep

from django.db.models import Sum
from django.utils import timezone

from apps.common import jobs
from apps.common.errors import FlywheelError
from apps.common.ids import content_hash
from apps.common.money import format_money
from apps.contributions.formats import ImportRow
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.services import NewLabel, import_examples, submit_labels
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, Evaluation, FineTuneJob
from apps.custom_models.services import activate_model, poll_fine_tune, run_evaluation, start_fine_tune
from apps.datasets.models import TrainingDataset
from apps.datasets.services import approve_and_publish_dataset, build_dataset
from apps.payouts.management.turn.clients import openai_client, post_json
from apps.payouts.management.turn.house import House
from apps.payouts.management.turn.sample import Sample
from apps.payouts.models import RevenueDay, Share
from apps.payouts.queries import CurrencyEarnings, earnings_of
from apps.payouts.queries.revenue import bounds_of, closed_days_with
from apps.payouts.services import close_revenue_day

Say = Callable[[str], None]
ANSWERS = 20
PAID_RUNS = 100
SHOWN_EVERY = 1_000  # answers of an evaluation
LABELS_PER_TURN = (5, 3, 2)  # of every ten rows: the testers are not equally busy
JOB_SECONDS = 900
LOOK_SECONDS = 0.2


class TurnStopped(FlywheelError):
    """A step did not do what the next one needs."""


@dataclass(frozen=True)
class Answered:
    """The chat answers of a turn: how many came from which model, and what their readers said."""

    by_model: Counter[str]
    feedback: Counter[str]


@dataclass(frozen=True)
class EarningsPage:
    """What a tester's earnings page says: an entry for each currency, all turns together."""

    tester: Tester
    currencies: list[CurrencyEarnings]


def bring_in(house: House, sample: Sample, *, say: Say) -> int:
    """Import the questions and let the testers label those to train on; the number of labelled examples."""
    now = timezone.now()
    import_examples(persona=house.persona, rows=[_unlabelled(row) for row in sample.train], by=house.admin, now=now)
    held_out = import_examples(persona=house.persona, rows=sample.test, by=house.admin, now=now, split_pin="test")
    say(f"{len(sample.train):,} questions to label, {held_out.created:,} new ones held out for the test")
    labels = _labels(house, sample.train)
    for tester in house.testers:
        count = submit_labels(tester=tester, labels=labels[tester.pk], now=now)
        say(f"{tester.display_name} labelled {count:,}")
    return TrainingExample.objects.filter(persona=house.persona).trainable().count()


def _unlabelled(row: ImportRow) -> ImportRow:
    return ImportRow(line=row.line, text=row.text, category="")


def _labels(house: House, rows: Sequence[ImportRow]) -> dict[int, list[NewLabel]]:
    """What each tester says about their part of the unlabelled examples, as the file has it."""
    codes = {content_hash({"text": row.text}): row.category for row in rows}
    testers = [tester for tester, part in zip(house.testers, LABELS_PER_TURN, strict=True) for _ in range(part)]
    labels: dict[int, list[NewLabel]] = {tester.pk: [] for tester in house.testers}
    waiting = TrainingExample.objects.awaiting(now=timezone.now()).filter(persona=house.persona).order_by("pk")
    for index, example in enumerate(waiting.iterator()):
        if code := codes.get(content_hash(example.input)):
            tester = testers[index % len(testers)]
            labels[tester.pk].append(NewLabel(example_id=example.pk, payload={"code": code}))
    return labels


def freeze(house: House, *, say: Say) -> TrainingDataset:
    now = timezone.now()
    dataset = build_dataset(
        persona=house.persona,
        name=f"Bank questions {house.persona.datasets.count() + 1}",
        by=house.admin,
        now=now,
        maximum=None,
    )
    say(f"{dataset.training_count:,} rows to train on, {dataset.validation_count:,} to validate with")
    published = approve_and_publish_dataset(dataset=dataset, by=house.admin, now=now)
    say(f"frozen: SHA-256 {published.training_sha256[:12]}…")
    return published


def train(house: House, dataset: TrainingDataset, *, say: Say) -> FineTuneJob:
    """Start the job and do what the worker does until the provider has ended it."""
    job = start_fine_tune(
        dataset=dataset,
        base_model=house.persona.base_model,
        by=house.admin,
        user=house.admin,
        suffix="bank-questions",
        now=timezone.now(),
    )
    shown = ""
    deadline = monotonic() + JOB_SECONDS
    while job.status not in JobStatus.finished() and monotonic() < deadline:
        _work(say)
        job.refresh_from_db()
        if job.status in JobStatus.remote():
            job = poll_fine_tune(job=job, now=timezone.now(), is_forced=True)
        if job.status != shown:
            shown = job.status
            say(job.get_status_display().lower())
    if job.status != JobStatus.SUCCEEDED:
        raise TurnStopped(f"The job ended as {job.status}: {job.error_message or job.last_problem}")
    return job


def _work(say: Say) -> None:
    """What a worker does. When a worker runs as well, the work may be in its hands: then wait a moment."""
    try:
        if not jobs.drain():
            sleep(LOOK_SECONDS)
    except jobs.JobsFailed as failure:  # whatever else waited in the queue of this database is not our turn's concern
        say(f"a job failed and will be tried again: {failure}")


def prove(house: House, model: CustomModel, *, say: Say) -> Evaluation:
    """Compare with the base model on the held-out questions, then make the version live."""

    shown = 0

    def show(answered: int, total: int) -> None:
        nonlocal shown
        if answered - shown >= SHOWN_EVERY:
            shown = answered
            say(f"{answered:,} of {total:,} answers")

    evaluation = run_evaluation(candidate=model, by=house.admin, now=timezone.now(), on_progress=show)
    say(f"{evaluation.test_size:,} held-out questions answered by both models")
    activate_model(model=model, by=house.admin, now=timezone.now(), reason="Better than the base model on the test")
    say(f"{model} is live; fallback: {model.base_model.name}")
    return evaluation


def answer(house: House, sample: Sample, *, say: Say) -> Answered:
    """Ask through the gateway with the `openai` SDK and say of each answer whether it was right."""
    client = openai_client(api_key=house.api_key)
    by_model: Counter[str] = Counter()
    feedback: Counter[str] = Counter()
    for row in islice(cycle(sample.test), ANSWERS):
        completion = client.chat.completions.create(
            model=house.persona.slug, messages=[{"role": "user", "content": row.text}], user="demo"
        )
        by_model[completion.model] += 1
        feedback[_give_feedback(house, completion.id, completion.choices[0].message.content or "", row.category)] += 1
    say(", ".join(f"{count} from {model}" for model, count in by_model.items()))
    return Answered(by_model=by_model, feedback=feedback)


def _give_feedback(house: House, response_id: str, text: str, code: str) -> str:
    right = f'"{code}"' in text
    body: dict[str, str] = {"response_id": response_id, "type": "approved" if right else "edited"}
    if not right:
        body["edited"] = f'{{"code": "{code}", "confidence": "high"}}'
    post_json("/api/feedback/", body, api_key=house.api_key)
    return body["type"]


def earn(house: House, sample: Sample, *, say: Say) -> list[RevenueDay]:
    """A day of paid runs, closed the moment it is over: what was closed of this turn, whatever else the day held."""
    first_day = timezone.now().date()
    runs = [
        post_json(
            f"/api/personas/{house.persona.slug}/runs/",
            {"input": {"text": row.text}, "customer": f"customer-{index % 7}"},
            api_key=house.api_key,
        )
        for index, row in enumerate(islice(cycle(sample.test), PAID_RUNS))
    ]
    for day in sorted({first_day, timezone.now().date()}):  # midnight may come in between
        _, its_end = bounds_of(day)
        close_revenue_day(day=day, by=house.admin, now=its_end, organization=house.organization)
    say(f"{PAID_RUNS} paid runs on {first_day}, closed and shared")
    return closed_days_with(organization=house.organization, response_ids=[run["response_id"] for run in runs])


def show_earnings(house: House, *, say: Say) -> list[EarningsPage]:
    """What the testers read on their earnings pages. TurnStopped if it is not what their shares add up to."""
    today = timezone.now().date()
    pages = [EarningsPage(tester, earnings_of(tester=tester, today=today)) for tester in house.testers]
    for page in pages:
        shown = {earned.currency: earned.total_micros for earned in page.currencies}
        shares = Share.objects.filter(tester=page.tester, amount_micros__gt=0).order_by().values_list("currency")
        due = dict(shares.annotate(Sum("amount_micros")))
        if shown != due:
            raise TurnStopped(f"The earnings page of {page.tester} says {shown} micros; the shares add up to {due}.")
        amounts = [format_money(micros, currency) for currency, micros in shown.items()]
        say(f"{page.tester.display_name} has earned {' and '.join(amounts) or 'nothing yet'}")
    return pages
