"""What training leaves behind of people's words: files at providers, and what models answered to test examples."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Count

from apps.common.errors import FlywheelError, ProviderError
from apps.contributions.models import Withdrawal
from apps.contributions.services.withdrawals import ERASERS, Affected, Eraser, Leftover
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, EvaluationAnswer, FineTuneJob
from apps.organizations.models import OrganizationQuerySet
from apps.providers.queries import access_for

logger = logging.getLogger(__name__)


class TrainingEraser(Eraser):
    name = "custom_models"
    erases = frozenset({"custom_models.evaluationanswer.answer"})

    def mark(self, *, withdrawal: Withdrawal, now: datetime) -> Iterator[Affected]:
        """Versions that were trained on examples of the withdrawal, which cannot be un-trained, and jobs at work."""
        versions = CustomModel.objects.filter(training_dataset__items__example__withdrawal=withdrawal)
        counted = versions.annotate(rows=Count("pk")).order_by("pk").select_related("persona")
        for model in counted:
            yield Affected("custom_models.custommodel", model.pk, str(model), model.rows, model.persona_id)
        at_work = _jobs_of(withdrawal).filter(status__in=JobStatus.open())
        for job in at_work.annotate(rows=Count("pk")).order_by("pk"):
            yield Affected("custom_models.finetunejob", job.pk, str(job), job.rows, job.persona_id)

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        EvaluationAnswer.objects.filter(example__in=example_ids).exclude(answer="").update(answer="")

    def finish(self, *, withdrawal: Withdrawal, now: datetime) -> Iterator[Leftover]:
        """Delete the training files that lie at providers. A job that still needs its files is come back to."""
        for job in _jobs_of(withdrawal).order_by("pk").distinct():
            for file_id in (job.training_file_id, job.validation_file_id):
                if file_id and (left := _delete(job, file_id)):
                    yield left


def _jobs_of(withdrawal: Withdrawal) -> "OrganizationQuerySet[FineTuneJob]":
    jobs = FineTuneJob.objects.filter(dataset__items__example__withdrawal=withdrawal)
    return jobs.select_related("organization", "credential", "persona")


def _delete(job: FineTuneJob, file_id: str) -> Leftover | None:
    what = f"File {file_id} of fine-tuning job {job.pk}"
    if job.status in JobStatus.open() or job.creation_unanswered_since is not None:
        return Leftover(f"{what} is needed until the job has ended.", later=True)
    try:
        provider, access = access_for(organization=job.organization, credential=job.credential)
        if not provider.can_delete_files:
            return Leftover(f"{what}: {provider.title} has no way to delete it. Ask {provider.title} to.")
        provider.delete_file(access, file_id=file_id)
    except FlywheelError as error:
        logger.warning("%s could not be deleted: %s", what, error)
        temporary = isinstance(error, ProviderError) and error.temporary
        return Leftover(f"{what} could not be deleted. {error}", later=temporary)
    return None


ERASERS.register(TrainingEraser())
