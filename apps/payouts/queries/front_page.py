"""The numbers on the admin's front page, of the organizations the reader belongs to, in as many queries for any size.

There are eight: personas, their examples, datasets, jobs, active versions counted and listed, their evaluations, what
was shared.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from apps.contributions.queries.collection import Group, count_by, count_by_persona, group_examples
from apps.contributions.queries.eligibility import eligibility_of
from apps.custom_models.enums import EvaluationStatus, JobStatus
from apps.custom_models.models import CustomModel, EvaluationArm, FineTuneJob
from apps.datasets.models import TrainingDataset
from apps.organizations.models import User
from apps.payouts.models import RevenueDay
from apps.personas.models import Persona

JOBS_SHOWN = 5
MODELS_SHOWN = 10
FAILED_FOR = timedelta(days=7)  # how long a failed job stays on the front page


@dataclass(frozen=True)
class JobLine:
    job: FineTuneJob

    @property
    def percent(self) -> int:
        """How far through the steps, never a guess of how far through the training."""
        return round(100 * self.step / self.steps)

    @property
    def step(self) -> int:
        status = JobStatus.RUNNING if self.job.status == JobStatus.PAUSED else self.job.status
        return next((place for place, stage in enumerate(JobStatus.stages(), 1) if stage == status), 0)

    @property
    def steps(self) -> int:
        return len(JobStatus.stages())

    @property
    def failed(self) -> bool:
        return self.job.status == JobStatus.FAILED


@dataclass(frozen=True)
class ModelLine:
    """An active version with its last evaluation: accuracies from 0 to 1, intervals of 95 %."""

    model: CustomModel
    arm: EvaluationArm | None
    base: EvaluationArm | None

    @property
    def percent(self) -> str:
        return _percent(self.arm.accuracy if self.arm else None)

    @property
    def low(self) -> str:
        return _percent(self.arm.interval_low if self.arm else None)

    @property
    def high(self) -> str:
        return _percent(self.arm.interval_high if self.arm else None)

    @property
    def base_percent(self) -> str:
        return _percent(self.base.accuracy if self.base else None)


@dataclass
class SharedMonth:
    """What was shared in one currency this month, in micros."""

    currency: str
    revenue_micros: int = 0
    shared_micros: int = 0
    shared_by_day: dict[date, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FrontPage:
    examples: Counter[str]  # by status
    personas: int
    trainable: int  # personas with enough examples (AV4)
    published: int
    drafts: int
    jobs: list[JobLine]
    active_models: int
    models: list[ModelLine]  # the first MODELS_SHOWN of them
    shared: list[SharedMonth]


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate * 100:.1f}"


def front_page_of(*, user: User, now: datetime) -> FrontPage:
    datasets = TrainingDataset.objects.visible_to(user).aggregate(
        published=Count("pk", filter=Q(published_at__isnull=False)), drafts=Count("pk", filter=Q(published_at=None))
    )
    active = CustomModel.objects.visible_to(user).filter(is_active=True)
    personas = list(Persona.objects.visible_to(user))
    groups = group_examples(personas=personas)
    return FrontPage(
        examples=count_by(groups, "status"),
        personas=len(personas),
        trainable=_trainable(personas, groups),
        published=datasets["published"],
        drafts=datasets["drafts"],
        jobs=_jobs(user, now=now),
        active_models=active.count(),
        models=_models(active),
        shared=_shared(user, month=now.date().replace(day=1)),
    )


def _trainable(personas: Sequence[Persona], groups: Sequence[Group]) -> int:
    counts = count_by_persona(groups, personas)
    return sum(eligibility_of(persona=persona, counts=counts[persona.pk]).is_eligible for persona in personas)


def _jobs(user: User, *, now: datetime) -> list[JobLine]:
    wanted = Q(status__in=JobStatus.open()) | Q(status=JobStatus.FAILED, created_at__gte=now - FAILED_FOR)
    jobs = FineTuneJob.objects.visible_to(user).filter(wanted).select_related("persona", "dataset").order_by("-pk")
    return [JobLine(job) for job in jobs[:JOBS_SHOWN]]


def _models(active: QuerySet[CustomModel]) -> list[ModelLine]:
    models = list(active.select_related("persona").order_by("persona__name", "pk")[:MODELS_SHOWN])
    arms = EvaluationArm.objects.filter(
        evaluation__candidate__in=models, evaluation__status=EvaluationStatus.COMPLETED
    ).select_related("evaluation")
    latest: dict[int, dict[int | None, EvaluationArm]] = defaultdict(dict)
    for arm in arms.order_by("evaluation"):  # a later evaluation replaces an earlier one's arms
        latest[arm.evaluation.candidate_id][arm.custom_model_id] = arm
    return [
        ModelLine(model=model, arm=latest[model.pk].get(model.pk), base=latest[model.pk].get(None)) for model in models
    ]


def _shared(user: User, *, month: date) -> list[SharedMonth]:
    rows = (
        RevenueDay.objects.visible_to(user)
        .filter(day__gte=month)
        .values_list("currency", "day")
        .annotate(revenue=Sum("revenue_micros"), shared=Sum("shared_micros"))
        .order_by("currency", "day")
    )
    months: dict[str, SharedMonth] = {}
    for currency, day, revenue, shared in rows:
        total = months.setdefault(currency, SharedMonth(currency))
        total.revenue_micros += revenue
        total.shared_micros += shared
        total.shared_by_day[day] = shared
    return list(months.values())
