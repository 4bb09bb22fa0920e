"""What the tests of jobs and models start from: a persona with labelled examples, and a published dataset."""

from datetime import datetime, timedelta

from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.contributions.formats import ImportRow
from apps.contributions.services import import_examples
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.custom_models.services import launch_fine_tune, poll_fine_tune, start_fine_tune
from apps.datasets.models import TrainingDataset
from apps.datasets.services import approve_and_publish_dataset, build_dataset
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.personas.services import create_persona
from apps.providers.models import BaseModel
from apps.providers.queries import system_base_model
from apps.providers.services import load_catalogue
from tests.factories import CODEBOOK, CustomModelFactory, OrganizationFactory

SUBJECTS = ["card", "passport", "transfer", "wallet", "phone", "salary", "shop", "holiday", "garden", "insurance"]
PHRASES = {
    "lost_card": "I lost my {} card in {} and want to block it",
    "exchange_rate": "what exchange rate do you give for {} money in {}",
    "top_up_failed": "my top up of the {} account from {} did not arrive",
}
# The requests of a launch: method, and how the path ends.
CREATE = ("POST", "/fine_tuning/jobs")
FIND = ("GET", "/fine_tuning/jobs")
UPLOAD = ("POST", "/files")


def sentences(per_code: int, *, place: str = "Lisbon") -> list[ImportRow]:
    """Coded questions that a learner can tell apart, none twice."""
    return [
        ImportRow(line=n, text=f"{phrase.format(SUBJECTS[n % 10], place)} number {n}", category=code)
        for n in range(per_code)
        for code, phrase in PHRASES.items()
    ]


def make_persona(*, organization: Organization | None = None, slug: str = "coder") -> Persona:
    load_catalogue(by=SYSTEM, now=timezone.now())
    return create_persona(
        organization=organization or OrganizationFactory(),
        slug=slug,
        name="Bank coder",
        task="survey_coding",
        settings={"codes": CODEBOOK},
        base_model=system_base_model(),
        by=SYSTEM,
    )


def import_rows(persona: Persona, rows: list[ImportRow], *, split_pin: str = "") -> None:
    result = import_examples(persona=persona, rows=rows, by=SYSTEM, now=timezone.now(), split_pin=split_pin)
    assert (result.created, result.rejected) == (len(rows), [])


def make_dataset(persona: Persona | None = None, *, per_code: int = 10, place: str = "Lisbon") -> TrainingDataset:
    """A published dataset of three times `per_code` examples."""
    persona = persona or make_persona()
    import_rows(persona, sentences(per_code, place=place))
    dataset = build_dataset(persona=persona, name=f"From {place}", by=SYSTEM, now=timezone.now())
    return approve_and_publish_dataset(dataset=dataset, by=SYSTEM, now=timezone.now())


def start(dataset: TrainingDataset, **fields: object) -> FineTuneJob:
    values = {"base_model": dataset.persona.base_model, "by": SYSTEM, "now": timezone.now(), **fields}
    return start_fine_tune(dataset=dataset, **values)  # type: ignore[arg-type]


def work(job: FineTuneJob) -> FineTuneJob:
    """What the worker does, until the job has ended."""
    for _ in range(20):
        jobs.drain()
        job.refresh_from_db()
        if job.status in JobStatus.finished():
            return job
        if job.status in JobStatus.remote():
            poll_fine_tune(job=job, now=timezone.now(), is_forced=True)
    raise AssertionError(f"job {job.pk} is still {job.status}: {job.last_problem}")


def make_model(persona: Persona, *, number: int = 1, base_model: BaseModel | None = None) -> CustomModel:
    """A version that was trained elsewhere."""
    return CustomModelFactory(persona=persona, number=number, base_model=base_model or persona.base_model)


def at(job: FineTuneJob) -> datetime:
    """A moment at which whatever the job waits for is over."""
    moments = [moment for moment in (job.lease_until, job.next_poll_at) if moment]
    return max([timezone.now(), *moments]) + timedelta(seconds=1)


def launch(job: FineTuneJob) -> FineTuneJob:
    """An attempt at a moment when it is due."""
    return launch_fine_tune(job=job, now=at(job))
