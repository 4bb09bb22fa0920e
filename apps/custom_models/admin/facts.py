"""What the pages of jobs and models say in numbers: pairs of label and value."""

from datetime import date, datetime

from django.template.defaultfilters import date as format_date
from django.template.defaultfilters import pluralize
from django.utils.timesince import timeuntil

from apps.common.admin import took_words
from apps.common.money import format_money
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, Evaluation, EvaluationArm, FineTuneJob
from apps.custom_models.queries import Estimate, jobs_this_month, live_model
from apps.datasets.models import TrainingDataset
from apps.organizations.enums import PLAN_LIMITS, Plan
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.providers.models import BaseModel
from apps.providers.queries import price_on

Facts = list[tuple[str, str]]
UNKNOWN = "not known"
ELSEWHERE = f"{UNKNOWN}: it was trained elsewhere"
NOT_MEASURED = f"{UNKNOWN}: no evaluation has measured it yet"


def start_facts(dataset: TrainingDataset, base_model: BaseModel, estimate: Estimate, *, now: datetime) -> Facts:
    return [
        ("Persona", str(dataset.persona)),
        ("Dataset", f"{dataset} (SHA-256 {dataset.training_sha256[:12]}…)"),
        ("Base model", base_model_words(base_model, now.date())),
        ("Examples", f"{estimate.examples:,} to train on, {dataset.validation_count:,} to validate with"),
        ("Tokens", f"{estimate.tokens:,} to be trained (estimated): {dataset.training_tokens:,} in the file"),
        ("Epochs", str(estimate.n_epochs)),
        ("Cost", _estimated_cost_words(base_model, estimate, now.date())),
        ("Time", duration_words(estimate.seconds)),
        ("Plan", plan_words(dataset.organization, now)),
    ]


def _estimated_cost_words(base_model: BaseModel, estimate: Estimate, today: date) -> str:
    if price_on(base_model=base_model, day=today) is None:
        return f"{UNKNOWN}: {base_model} has no price in the catalogue"
    return f"about {format_money(estimate.cost_micros, estimate.currency)} (estimated)"


def base_model_words(base_model: BaseModel, today: date) -> str:
    end = base_model.shutdown_date
    if end is None:
        return str(base_model)
    days = (end - today).days
    return f"{base_model}, until {format_date(end)} ({days} day{pluralize(days)} left)"


def plan_words(organization: Organization, now: datetime) -> str:
    plan = Plan(organization.plan)
    used = jobs_this_month(organization=organization, now=now)
    limit = PLAN_LIMITS[plan].fine_tunes_per_month
    return f"{plan.label}: {used} of {limit or 'any number of'} fine-tuning jobs used this month"


def duration_words(seconds: int | None) -> str:
    if seconds is None:
        return f"{UNKNOWN}: nobody has trained this base model here yet"
    return f"about {took_words(seconds)} (estimated)"


def hyperparameter_facts(job: FineTuneJob) -> Facts:
    return [(name.replace("_", " ").capitalize(), str(value)) for name, value in job.hyperparameters.items()]


def metric_facts(job: FineTuneJob) -> Facts:
    """What the provider measured: rates as percentages, the rest as it is."""
    return [
        (name.replace("_", " ").capitalize(), percent(value) if "accuracy" in name else str(value))
        for name, value in job.metrics.items()
        if value is not None
    ]


def cancel_facts(jobs: list[FineTuneJob], *, now: datetime) -> Facts:
    """What there is to cancel, and what it has come to so far; where there are several jobs, each in a line."""
    if len(jobs) == 1:
        return [("Job", str(jobs[0])), *_so_far(jobs[0], now)]
    return [(str(job), "; ".join(f"{label}: {value}" for label, value in _so_far(job, now))) for job in jobs]


def cancelled_words(job: FineTuneJob) -> str:
    """What became of a job that was asked to end. A provider may take note of it, and train on for a while."""
    status = job.get_status_display().lower()
    if job.status not in JobStatus.finished():
        return (
            f"Fine-tuning job {job.pk}: its provider has taken note and is ending it. Until then it goes on ({status}) "
            "and its dataset stays in use. Its page shows when it has ended."
        )
    if job.status != JobStatus.CANCELLED:
        return f"Fine-tuning job {job.pk} was not cancelled, it ended by itself: {status}."
    if job.creation_unanswered_since is not None:
        return (
            f"Fine-tuning job {job.pk} is cancelled. Its provider may have received it just before: its dataset can be "
            "trained on again once that is known."
        )
    return f"Fine-tuning job {job.pk} is cancelled. Its dataset can be trained on again."


def _so_far(job: FineTuneJob, now: datetime) -> Facts:
    return [
        ("Status", job.get_status_display()),
        ("Examples", f"{job.dataset.training_count:,} to train on, {job.dataset.validation_count:,} to validate with"),
        ("Tokens", _tokens_so_far(job)),
        ("Cost", _cost_so_far(job)),
        ("Time", _time_so_far(job, now)),
    ]


def _tokens_so_far(job: FineTuneJob) -> str:
    if job.trained_tokens is not None:
        return tokens_words(job)
    so_far = f"{UNKNOWN} how many so far" if job.provider_job_id else "none so far: it is not at the provider yet"
    return f"{tokens_words(job)}; {so_far}"


def _cost_so_far(job: FineTuneJob) -> str:
    if job.actual_cost_micros is not None:
        return cost_words(job)
    so_far = f"{UNKNOWN} how much so far" if job.provider_job_id else "nothing so far: it is not at the provider yet"
    return f"{cost_words(job)}; {so_far}"


def _time_so_far(job: FineTuneJob, now: datetime) -> str:
    began = job.started_at or job.created_at
    ended = job.finished_at or now
    so_far = took_words((ended - began).total_seconds()) + (" (actual)" if job.finished_at else " so far")
    whole = UNKNOWN if job.estimated_seconds is None else duration_words(job.estimated_seconds)
    return f"{so_far}; the whole: {whole}"


def tokens_words(job: FineTuneJob) -> str:
    estimated = f"{job.estimated_tokens:,} estimated"
    return estimated if job.trained_tokens is None else f"{job.trained_tokens:,} trained, {estimated}"


def cost_words(job: FineTuneJob) -> str:
    estimated = f"{format_money(job.estimated_cost_micros, job.currency)} estimated"
    if job.actual_cost_micros is None:
        return estimated
    return f"{format_money(job.actual_cost_micros, job.currency)} actual, {estimated}"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def arm_words(arm: EvaluationArm) -> str:
    low, high = 100 * (arm.interval_low or 0), 100 * (arm.interval_high or 0)
    return (
        f"{percent(arm.accuracy)} right of {arm.answered:,} (95 % interval {low:.1f}-{high:.1f} %), "
        f"median {arm.median_latency_ms or 0:.0f} ms"
    )


def activation_facts(model: CustomModel, evaluation: Evaluation | None) -> Facts:
    live = live_model(persona=model.persona)
    facts = [
        ("Persona", str(model.persona)),
        ("To be activated", f"{model}: {model.fine_tuned_model_id}"),
        ("Answers now", str(live or model.persona.base_model)),
        ("Fallback", f"the base model, {model.persona.base_model}"),
        *training_facts(model),
        ("Until", format_date(model.shutdown_date) if model.shutdown_date else "no end announced"),
    ]  # fmt: skip
    return [*facts, *evaluation_facts(model, evaluation)]


def training_facts(model: CustomModel) -> Facts:
    """What a version was made of: what was measured, and in words what nobody measured."""
    return [
        ("Examples", f"{model.training_examples:,} trained on" if model.training_examples else ELSEWHERE),
        ("Tokens", trained_words(model.job)),
        ("Cost of training", training_cost_words(model)),
        ("Time of training", training_time_words(model)),
    ]


def trained_words(job: FineTuneJob | None) -> str:
    if job is None:
        return ELSEWHERE
    if job.trained_tokens is None:
        return f"{UNKNOWN}: the provider did not say; {job.estimated_tokens:,} were estimated"
    return f"{job.trained_tokens:,} trained (actual), {job.estimated_tokens:,} estimated"


def training_cost_words(model: CustomModel) -> str:
    """Zero is a price too: it is the actual cost only where a job says so, or somebody entered another."""
    known = model.job.actual_cost_micros is not None if model.job else model.training_cost_micros > 0
    if known:
        return f"{format_money(model.training_cost_micros, model.currency)} (actual)"
    return UNKNOWN if model.job else ELSEWHERE


def training_time_words(model: CustomModel) -> str:
    seconds = model.training_duration_seconds
    if seconds is not None:
        return f"{took_words(seconds)} (actual)"
    return UNKNOWN if model.job else ELSEWHERE


def evaluation_facts(model: CustomModel, evaluation: Evaluation | None) -> Facts:
    arms = list(evaluation.arms.all()) if evaluation else []
    proof = [("This version" if arm.custom_model_id else "Its base model", arm_words(arm)) for arm in arms]
    return [*(proof or [("Evaluation", "none yet")]), *answer_facts(model)]


def answer_facts(model: CustomModel) -> Facts:
    cost, milliseconds = model.inference_cost_per_answer_micros, model.average_response_time_ms
    return [
        ("Cost of an answer", NOT_MEASURED if cost is None else f"{format_money(cost, model.currency)} (measured)"),
        ("Time of an answer", NOT_MEASURED if milliseconds is None else f"{milliseconds:,.0f} ms (measured)"),
    ]


def activation_warning(evaluation: Evaluation | None) -> str:
    """What speaks against activating, if anything does."""
    if evaluation is None:
        return "Nothing proves yet that it is better than the base model. Evaluate it first, unless you know."
    arms = {bool(arm.custom_model_id): arm for arm in evaluation.arms.all()}
    base, custom = arms[False], arms[True]
    if (custom.interval_low or 0) > (base.interval_high or 0):
        return ""
    return "It is not clearly better than the base model: their intervals overlap."


def deactivation_facts(persona: Persona, live: CustomModel, evaluation: Evaluation | None) -> Facts:
    """What is given up, in numbers: what it took to make, and how much better it was."""
    since = f", since {format_date(live.deployed_at, 'DATETIME_FORMAT')}" if live.deployed_at else ""
    return [
        ("Persona", str(persona)),
        ("Answers now", f"{live}: {live.fine_tuned_model_id}{since}"),
        ("Will answer", f"the base model, {persona.base_model}"),
        *training_facts(live),
        *evaluation_facts(live, evaluation),
    ]


def evaluation_start_facts(model: CustomModel, test_size: int) -> Facts:
    average = model.average_response_time_ms
    time = duration_words(round(2 * test_size * average / 1000)) if average else NOT_MEASURED
    cost = model.inference_cost_per_answer_micros
    money = (
        NOT_MEASURED
        if cost is None
        else f"{format_money(cost * test_size, model.currency)} for its own half (estimated)"
    )
    return [
        ("Version", f"{model}: {model.fine_tuned_model_id}"),
        ("Compared with", f"its base model, {model.base_model}"),
        ("Test examples", f"{test_size:,}, none of them ever trained on"),
        ("Answers", f"{2 * test_size:,}, half of them its base model's"),
        ("Cost", money),
        ("Time", time),
    ]


def minutes_left(job: FineTuneJob, now: datetime) -> str:
    if job.estimated_finish_at is None or job.estimated_finish_at <= now:
        return ""
    return f", {timeuntil(job.estimated_finish_at, now)} left"
