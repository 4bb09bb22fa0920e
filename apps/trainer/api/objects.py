"""The protocol's objects, as its published description has them."""

from datetime import datetime
from typing import Any

from apps.trainer.engines.base import Engine
from apps.trainer.enums import JobStatus
from apps.trainer.models import TrainerFile, TrainerJob, TrainerJobEvent, TrainerModel


def file_object(file: TrainerFile) -> dict[str, Any]:
    expiry = {"expires_at": timestamp(file.expires_at)} if file.expires_at else {}
    return {
        "id": file.public_id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": timestamp(file.created_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        **expiry,
    }


def job_object(job: TrainerJob) -> dict[str, Any]:
    succeeded = job.status == JobStatus.SUCCEEDED
    return {
        "id": job.public_id,
        "object": "fine_tuning.job",
        "created_at": timestamp(job.created_at),
        "model": job.base_model,
        "organization_id": job.account,
        "status": job.status,
        "training_file": job.training_file,
        "validation_file": job.validation_file or None,
        "hyperparameters": job.hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": job.hyperparameters}},
        "seed": job.seed,
        "metadata": {tag.key: tag.value for tag in job.tags.all()} or None,
        "integrations": [],
        "fine_tuned_model": job.fine_tuned_model or None,
        "trained_tokens": job.trained_tokens if succeeded else None,
        "result_files": [job.result_file] if job.result_file else [],
        "estimated_finish": timestamp_or_none(job.estimated_finish_at),
        "finished_at": timestamp_or_none(job.finished_at),
        "error": _job_error(job),
    }


def event_object(event: TrainerJobEvent) -> dict[str, Any]:
    return {
        "id": event.public_id,
        "object": "fine_tuning.job.event",
        "created_at": timestamp(event.created_at),
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": event.data,
    }


def model_object(model: TrainerModel) -> dict[str, Any]:
    return {
        "id": model.public_id,
        "object": "model",
        "created": timestamp(model.created_at),
        "owned_by": model.account,
        "shutdown_date": model.shutdown_date.isoformat() if model.shutdown_date else None,
    }


def base_model_object(engine: Engine) -> dict[str, Any]:
    return {
        "id": engine.base_model,
        "object": "model",
        "created": timestamp(engine.released_at),
        "owned_by": "system",
        "shutdown_date": None,
    }


def timestamp(at: datetime) -> int:
    """Unix time in whole seconds."""
    return int(at.timestamp())


def timestamp_or_none(at: datetime | None) -> int | None:
    return timestamp(at) if at else None


def _job_error(job: TrainerJob) -> dict[str, Any] | None:
    if not job.error_code:
        return None
    return {"code": job.error_code, "message": job.error_message, "param": job.error_param or None}
