"""What every provider is to the rest of Flywheel: one protocol, and the plain things that it gives and takes.

Adapters turn a provider's answers, which are hostile input, into these dataclasses, and all its failures into
`ProviderError`, which says whether the same call may succeed later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO, Protocol

from apps.providers.enums import RemoteStatus

REFERENCE_KEY = "flywheel_job"  # in a remote job's metadata: our own id, by which a lost answer is found again


@dataclass(frozen=True)
class Access:
    """Where a provider is and who calls it. An empty `base_url` is the embedded trainer, called in process."""

    base_url: str
    api_key: str = field(repr=False)
    account: str  # the organization's slug

    @property
    def is_embedded(self) -> bool:
        return not self.base_url


@dataclass(frozen=True)
class JobSpec:
    """A fine-tuning job to create. `reference` is ours and unique; hyperparameters are numbers or "auto"."""

    reference: str
    base_model: str
    training_file: str
    validation_file: str = ""
    suffix: str = ""
    method: str = "supervised"
    hyperparameters: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteJob:
    id: str
    status: RemoteStatus
    fine_tuned_model: str = ""
    trained_tokens: int | None = None
    error_code: str = ""
    error_message: str = ""
    result_files: tuple[str, ...] = ()
    created_at: datetime | None = None
    finished_at: datetime | None = None
    estimated_finish_at: datetime | None = None
    note: str = ""  # what was odd about the answer, for people


@dataclass(frozen=True)
class RemoteEvent:
    id: str
    at: datetime
    level: str
    type: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteMetrics:
    """What training measured, at its end; None where the provider measured nothing."""

    training_loss: float | None = None
    validation_loss: float | None = None
    training_accuracy: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class RemoteModel:
    id: str
    owned_by: str = ""
    shutdown_date: date | None = None


@dataclass(frozen=True)
class ChatAnswer:
    """One answer. `cached_tokens` are part of `prompt_tokens`; `raw` is the provider's body as it came."""

    text: str
    finish_reason: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    raw: dict[str, Any] = field(repr=False)


class Provider(Protocol):
    """One kind of provider. Every method but `poll_seconds` calls out: never inside a transaction."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def can_train(self) -> bool: ...

    @property
    def can_cancel(self) -> bool: ...

    @property
    def can_pause(self) -> bool: ...

    @property
    def can_list_events(self) -> bool: ...

    @property
    def can_delete_files(self) -> bool: ...

    @property
    def method_formats(self) -> Mapping[str, str]:
        """Which dataset format each method of tuning is fed with."""
        ...

    def poll_seconds(self, access: Access) -> int:
        """How long to wait between two looks at a job."""
        ...

    def upload_file(self, access: Access, *, name: str, file: BinaryIO) -> str:
        """Upload a training file; its remote id. Uploading twice makes a second file, which is harmless."""
        ...

    def delete_file(self, access: Access, *, file_id: str) -> None:
        """Delete a file; one that is gone already is as good."""
        ...

    def create_job(self, access: Access, spec: JobSpec) -> RemoteJob:
        """Create the job, trying once. After a temporary error look with `find_job` before trying again."""
        ...

    def find_job(self, access: Access, *, reference: str) -> RemoteJob | None:
        """The oldest job that was created with `reference`."""
        ...

    def retrieve_job(self, access: Access, *, job_id: str) -> RemoteJob: ...

    def list_events(self, access: Access, *, job_id: str, known: Sequence[str] = ()) -> list[RemoteEvent]:
        """Events, oldest first; looks no further back than the first whose id is `known`."""
        ...

    def read_metrics(self, access: Access, *, job: RemoteJob) -> RemoteMetrics: ...

    def cancel_job(self, access: Access, *, job_id: str) -> RemoteJob: ...

    def pause_job(self, access: Access, *, job_id: str) -> RemoteJob: ...

    def resume_job(self, access: Access, *, job_id: str) -> RemoteJob: ...

    def chat(
        self, access: Access, *, model: str, messages: Sequence[Mapping[str, Any]], **options: Any
    ) -> ChatAnswer: ...

    def stream_chat(
        self, access: Access, *, model: str, messages: Sequence[Mapping[str, Any]], **options: Any
    ) -> Iterator[bytes]:
        """Server-sent events as they came: one non-empty line at a time, without its line end, usage included.

        Raises before the first line if the provider refuses, and in between if the stream breaks.
        """
        ...

    def list_models(self, access: Access) -> list[RemoteModel]: ...

    def delete_model(self, access: Access, *, model: str) -> None: ...
