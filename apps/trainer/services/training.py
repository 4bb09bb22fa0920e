"""The second and third step: start a job, and let its engine learn."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from django.core.files.base import ContentFile

from apps.common import audit
from apps.common.errors import InvalidInput
from apps.trainer import queries
from apps.trainer.engines.base import Engine, Messages, Step
from apps.trainer.enums import EventType, JobStatus, Purpose
from apps.trainer.formats.result_file import write_results
from apps.trainer.formats.training_file import TrainingLine
from apps.trainer.models import TrainerJob, TrainerJobEvent, TrainerModel, artifact_path
from apps.trainer.services.files import store_file
from apps.trainer.services.jobs import NewEvent, move_job
from apps.trainer.services.steps import Clock, claim_step, fail_job, keep_step, release_step
from apps.trainer.services.validation import digest_of, training_lines, validation_lines


class LostClaim(Exception):
    """The job was cancelled, paused or taken over while its engine was learning."""


def start_training(*, job_id: int, now: datetime) -> None:
    """`queued` to `running`; nothing to claim, the move is all there is to do."""
    job = TrainerJob.objects.get(pk=job_id)
    move_job(
        job=job,
        expected={JobStatus.QUEUED},
        to=JobStatus.RUNNING,
        now=now,
        events=[NewEvent("Fine-tuning job started")],
        started_at=now,
        estimated_finish_at=queries.estimate_finish(job=job, started_at=now),
    )


def train_model(*, job_id: int, clock: Clock) -> None:
    """`running` to `succeeded`, with a model, its result file and its events; or to `failed`."""
    job = claim_step(job_id=job_id, status=JobStatus.RUNNING, now=clock())
    if job is None:
        return
    engine = queries.find_engine(base_model=job.base_model)
    # Named by the attempt: two workers that both believe the job is theirs never write the same file.
    artifact = f"{job.account}/{job.model_key}-{job.lease_token}.sqlite3"
    try:
        steps = _learn(job, engine, artifact_path(artifact), clock=clock)
        finished = _finish_training(job, artifact, steps, now=clock())
    except (LostClaim, InvalidInput) as error:
        finished = False
        if isinstance(error, InvalidInput):  # a file was deleted after it was validated
            fail_job(job=job, error=error, now=clock())
    except BaseException:
        engine.delete(artifact_path(artifact))
        release_step(job=job)
        raise
    if not finished:
        engine.delete(artifact_path(artifact))


def _learn(job: TrainerJob, engine: Engine, path: Path, *, clock: Clock) -> list[Step]:
    steps: list[Step] = []

    def on_step(step: Step) -> None:
        now = clock()
        if not keep_step(job=job, now=now):
            raise LostClaim
        _report_step(job, step, now=now)
        steps.append(step)

    known: set[bytes] = set()
    engine.train(
        training=_noting(training_lines(job), known if job.validation_file else None),
        validation=_unknown(validation_lines(job), known),
        artifact=path,
        n_epochs=job.hyperparameters["n_epochs"],
        seed=job.seed,
        on_step=on_step,
    )
    return steps


def _noting(lines: Iterable[TrainingLine], known: set[bytes] | None) -> Iterator[Messages]:
    """The conversations, while their digests are noted in `known`."""
    for line in lines:
        if known is not None:
            known.add(digest_of(line))
        yield line.messages


def _unknown(lines: Iterable[TrainingLine], known: set[bytes]) -> Iterator[Messages]:
    """The conversations that were not trained on: only they say what was learned. Read after the training ones."""
    return (line.messages for line in lines if digest_of(line) not in known)


def _report_step(job: TrainerJob, step: Step, *, now: datetime) -> None:
    """One metrics event; a step trained again after a crash is already reported."""
    measured = {
        "training loss": step.train_loss,
        "training accuracy": step.train_accuracy,
        "validation loss": step.valid_loss,
        "validation accuracy": step.valid_accuracy,
    }
    known = ", ".join(f"{name}={value:.2f}" for name, value in measured.items() if value is not None)
    message = f"Step {step.number}/{step.total}: {known}".removesuffix(": ")
    event = TrainerJobEvent(
        job=job, created_at=now, type=EventType.METRICS, message=message, data=_step_data(step), step=step.number
    )
    TrainerJobEvent.objects.bulk_create([event], ignore_conflicts=True)


def _step_data(step: Step) -> dict[str, float]:
    """Under the protocol's names; what was not measured is not there."""
    data = {
        "step": step.number,
        "total_steps": step.total,
        "train_loss": step.train_loss,
        "train_accuracy": step.train_accuracy,
        "valid_loss": step.valid_loss,
        "valid_mean_token_accuracy": step.valid_accuracy,
    }
    return {name: value for name, value in data.items() if value is not None}


def _finish_training(job: TrainerJob, artifact: str, steps: list[Step], *, now: datetime) -> bool:
    """Model, result file and status appear together, or, when the claim was lost, not at all."""
    content = ContentFile(write_results(steps))
    results = store_file(
        account=job.account,
        content=content,
        filename="step_metrics.csv",
        purpose=Purpose.FINE_TUNE_RESULTS,
        now=now,
    )
    name = model_name(job)

    def publish(moved: TrainerJob) -> None:
        results.save()
        _insert_model(moved, artifact, now=now)

    finished = False
    try:
        finished = move_job(
            job=job,
            expected={JobStatus.RUNNING},
            to=JobStatus.SUCCEEDED,
            token=job.lease_token,
            now=now,
            events=[
                NewEvent(f"New fine-tuned model created: {name}"),
                NewEvent("The job has successfully completed"),
            ],
            then=publish,
            finished_at=now,
            estimated_finish_at=None,
            fine_tuned_model=name,
            result_file=results.public_id,
        )
    finally:
        if not finished:
            results.content.delete(save=False)
    return finished


def _insert_model(job: TrainerJob, artifact: str, *, now: datetime) -> None:
    model = TrainerModel.objects.create(
        account=job.account,
        public_id=job.fine_tuned_model,
        base_model=job.base_model,
        artifact=artifact,
        examples=job.examples or 0,
        created_at=now,
    )
    audit.record("created", by=audit.SYSTEM, target=model, model=model.public_id, job=job.public_id)


def model_name(job: TrainerJob) -> str:
    """``ft:<base>:<account>:<suffix or empty>:<8 characters>``; the suffix without what would not survive a URL."""
    suffix = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in job.suffix)
    return f"ft:{job.base_model}:{job.account}:{suffix}:{job.model_key}"
