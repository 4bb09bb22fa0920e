import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from apps.common import audit, jobs
from apps.common.audit import Actor
from apps.common.database import hold
from apps.common.errors import Conflict, InvalidInput, LimitReached
from apps.common.ids import new_id
from apps.contributions.enums import Split
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import FineTuneJob
from apps.custom_models.queries import Estimate, clean_hyperparameters, estimate_fine_tune, jobs_this_month
from apps.custom_models.services.job_sweep import LAUNCH_JOB
from apps.datasets.enums import DatasetStatus
from apps.datasets.formats import FORMATS
from apps.datasets.models import TrainingDataset
from apps.datasets.queries import file_chunks
from apps.organizations.actors import must_belong
from apps.organizations.enums import PLAN_LIMITS, Plan
from apps.organizations.models import Organization, User
from apps.providers.adapters.base import Access, Provider
from apps.providers.enums import Method
from apps.providers.models import BaseModel, ProviderCredential
from apps.providers.queries import access_for, is_shut_down, serves

SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def start_fine_tune(
    *,
    dataset: TrainingDataset,
    base_model: BaseModel,
    by: Actor,
    now: datetime,
    user: User | None = None,
    suffix: str = "",
    hyperparameters: Mapping[str, Any] | None = None,
    method: str = Method.SUPERVISED,
    credential: ProviderCredential | None = None,
) -> FineTuneJob:
    """Record a job and enqueue its launch; nothing has left the house when this returns.

    Every gate that can be judged here is judged here. InvalidInput: base model, method, suffix or hyperparameters.
    Conflict: the dataset is a draft, lost examples since, or has a job, which is named, that is open or may be alive at
    its provider. LimitReached: the plan's fine-tuning jobs of this month are used.
    """
    organization = dataset.organization
    must_belong(by=by, organization=organization, what="dataset")
    credential = credential or dataset.persona.credential
    provider, access = access_for(organization=organization, credential=credential)
    _check_base_model(base_model, provider, access, now)
    _check_dataset(dataset, provider, method)
    hyperparameters = clean_hyperparameters(hyperparameters)
    estimate = estimate_fine_tune(
        dataset=dataset, base_model=base_model, hyperparameters=hyperparameters, day=now.date()
    )
    job = FineTuneJob(
        organization=organization, user=user, persona=dataset.persona, dataset=dataset, base_model=base_model,
        credential=credential, provider=provider.name, method=method, hyperparameters=hyperparameters,
        suffix=_clean_suffix(suffix or dataset.persona.slug[:64]), client_reference=new_id("fwjob_"),
        started_by=by.audit_name, handed_out_at=now, training_sha256=dataset.training_sha256, **_estimated(estimate),
    )  # fmt: skip
    return _record(job, by=by, now=now)


@transaction.atomic
def _record(job: FineTuneJob, *, by: Actor, now: datetime) -> FineTuneJob:
    """Job, dataset and queue entry together, or none of them."""
    hold(job.organization)  # one counts at a time
    _check_no_job_alive(job.dataset)
    _check_plan(job.organization, now)
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:  # another transaction was faster; the database's constraint decided
        _check_no_job_alive(job.dataset)
        raise
    startable = TrainingDataset.objects.filter(pk=job.dataset_id, status__in=DatasetStatus.published())
    startable.update(status=DatasetStatus.TRAINING, updated_at=now)
    audit.record(
        "started", by=by, target=job, dataset=job.dataset_id, base_model=job.base_model.name,
        estimated_tokens=job.estimated_tokens, estimated_cost_micros=job.estimated_cost_micros,
    )  # fmt: skip
    jobs.enqueue(LAUNCH_JOB, job.pk)
    return job


def _check_base_model(base_model: BaseModel, provider: Provider, access: Access, now: datetime) -> None:
    reason = ""
    if not (base_model.is_active and base_model.can_train and provider.can_train):
        reason = "cannot be fine-tuned"
    elif base_model.provider != provider.name:
        reason = f"is not served by {provider.title}"
    elif not serves(access=access, base_model=base_model):
        reason = "is not served by the embedded trainer, and neither the persona nor you named a credential"
    elif is_shut_down(base_model.shutdown_date, day=now.date()):
        reason = f"was shut down on {base_model.shutdown_date}"
    if reason:
        raise InvalidInput(
            f"{base_model} {reason}.",
            resolution="Choose another base model, or a credential of a provider that serves it.",
            code="base_model_unavailable",
            param="base_model",
        )


def _check_dataset(dataset: TrainingDataset, provider: Provider, method: str) -> None:
    file_chunks(dataset=dataset, split=Split.TRAIN)  # Conflict for a draft, and when examples were withdrawn since
    wanted = provider.method_formats.get(method)
    if dataset.format != wanted:
        raise InvalidInput(
            f"{dataset} has the format {dataset.format}, which {method} tuning at {provider.title} cannot use.",
            resolution=f"Build a dataset of the format {wanted}." if wanted in FORMATS else "Use supervised tuning.",
            code="wrong_format",
            param="method",
        )


def _check_no_job_alive(dataset: TrainingDataset) -> None:
    job = FineTuneJob.objects.may_be_alive().filter(dataset=dataset).first()
    if job is None:
        return
    state = job.get_status_display().lower()
    if job.status in JobStatus.open():
        raise Conflict(
            f"Fine-tuning job {job.pk} is already working on {dataset}: {state}.",
            resolution=f"Watch job {job.pk}, or cancel it first.",
            code="job_already_open",
            param="dataset",
        )
    raise Conflict(
        f"Fine-tuning job {job.pk} ended as {state} while it was being created, so its provider may be training it.",
        resolution="It is looked for and ended there, in a quarter of an hour unless the provider is down. Then start.",
        code="job_may_be_alive",
        param="dataset",
    )


def _check_plan(organization: Organization, now: datetime) -> None:
    plan = Plan(organization.plan)
    limit = PLAN_LIMITS[plan].fine_tunes_per_month
    if limit is None or jobs_this_month(organization=organization, now=now) < limit:
        return
    jobs_in_words = "1 fine-tuning job" if limit == 1 else f"{limit} fine-tuning jobs"
    way_out = "More custom models need the Plus plan" if plan is Plan.FREE else "More need the Enterprise plan"
    raise LimitReached(
        f"The {plan.label} plan includes {jobs_in_words} a month, and this month's are used.",
        resolution=f"{way_out}; or wait for the next month.",
        code="plan_restriction",
    )


def _clean_suffix(suffix: str) -> str:
    if not SUFFIX.fullmatch(suffix):
        raise InvalidInput(
            f"The suffix {suffix[:100]!r} cannot be part of a model's name.",
            resolution="Use 1 to 64 letters, digits, hyphens and underscores.",
            param="suffix",
        )
    return suffix


def _estimated(estimate: Estimate) -> dict[str, Any]:
    return {
        "estimated_tokens": estimate.tokens,
        "estimated_cost_micros": estimate.cost_micros,
        "estimated_seconds": estimate.seconds,
        "currency": estimate.currency,
    }
