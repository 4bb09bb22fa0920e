from datetime import datetime

from django.db.models import Q

from apps.contributions.enums import Split
from apps.contributions.models import TrainingExample, TrainingExampleQuerySet
from apps.custom_models.enums import EvaluationStatus, JobStatus
from apps.custom_models.models import CustomModel, Evaluation, FineTuneJob
from apps.organizations.models import Organization
from apps.personas.models import Persona


def live_model(*, persona: Persona) -> CustomModel | None:
    """The version that answers for a persona; None: its base model does (RT8)."""
    return (
        CustomModel.objects.filter(persona=persona, is_active=True).select_related("base_model", "credential").first()
    )


def fresh_job(job: FineTuneJob) -> FineTuneJob:
    """The job as it is now, with what showing it, or calling its provider, needs."""
    jobs = FineTuneJob.objects.select_related("organization", "persona", "dataset", "base_model", "credential")
    return jobs.get(pk=job.pk)


def jobs_this_month(*, organization: Organization, now: datetime) -> int:
    """Jobs that count against the plan (AV14): not the failed ones, nor those cancelled before they were launched."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    free = Q(status=JobStatus.FAILED) | Q(status=JobStatus.CANCELLED, provider_job_id="")
    return FineTuneJob.objects.of_organization(organization).filter(created_at__gte=month).exclude(free).count()


def latest_evaluation(*, candidate: CustomModel) -> Evaluation | None:
    """The last one that came to its end, its arms loaded."""
    evaluations = Evaluation.objects.filter(candidate=candidate, status=EvaluationStatus.COMPLETED)
    return evaluations.prefetch_related("arms").order_by("-pk").first()


def held_out_examples(*, persona: Persona) -> TrainingExampleQuerySet:
    """What evaluations ask: accepted examples pinned to the test set, which no dataset may contain (SC4)."""
    examples: TrainingExampleQuerySet = TrainingExample.objects.accepted()
    return examples.filter(persona=persona, split_pin=Split.TEST).order_by("pk")
