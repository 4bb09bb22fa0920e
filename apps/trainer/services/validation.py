"""The first step: read the files of a job, count, and let it pass or fail."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from apps.common.errors import InvalidInput
from apps.common.fine_tuning import MIN_EXAMPLES, default_epochs
from apps.common.ids import canonical_json
from apps.common.tokens import TOKENS_FOR_PRIMING, count_message_tokens, count_tokens
from apps.trainer import queries
from apps.trainer.engines.base import Message
from apps.trainer.enums import EventLevel, JobStatus
from apps.trainer.formats.training_file import InvalidLine, TrainingLine, read_training_file
from apps.trainer.models import TrainerJob
from apps.trainer.services.files import open_training_file
from apps.trainer.services.jobs import NewEvent, move_job
from apps.trainer.services.steps import Clock, claim_step, fail_job, release_step


@dataclass(frozen=True)
class FileFacts:
    examples: int
    tokens: int  # of one epoch, each example cut to what the base model reads
    also_validated: int  # validation examples that are in the training file as well


def validate_files(*, job_id: int, clock: Clock) -> None:
    """`validating_files` to `queued`, or to `failed` with the line that is wrong."""
    job = claim_step(job_id=job_id, status=JobStatus.VALIDATING_FILES, now=clock())
    if job is None:
        return
    try:
        facts = _read_files(job)
    except InvalidInput as error:
        fail_job(job=job, error=error, now=clock())
        return
    except BaseException:
        release_step(job=job)
        raise
    _pass_files(job, facts, clock=clock)


def count_example_tokens(line: TrainingLine) -> int:
    """Tokens of one training example, by the published counting rule; tool definitions and calls count too."""
    tokens = TOKENS_FOR_PRIMING + sum(_message_tokens(message) for message in line.messages)
    return tokens + (_repeated_tokens(canonical_json(line.tools)) if line.tools else 0)


def _pass_files(job: TrainerJob, facts: FileFacts, *, clock: Clock) -> None:
    asked = job.hyperparameters["n_epochs"]
    n_epochs = default_epochs(facts.examples) if asked == "auto" else int(asked)
    events = [NewEvent("Files validated, moving job to queued state")]
    if facts.also_validated:
        events.insert(0, NewEvent(_overlap_warning(facts.also_validated), EventLevel.WARN))
    move_job(
        job=job,
        expected={JobStatus.VALIDATING_FILES},
        to=JobStatus.QUEUED,
        token=job.lease_token,
        now=clock(),
        events=events,
        hyperparameters=job.hyperparameters | {"n_epochs": n_epochs},
        examples=facts.examples,
        trained_tokens=facts.tokens * n_epochs,
    )


def _overlap_warning(count: int) -> str:
    return f"{count} validation example(s) are in the training file as well and do not count in the validation accuracy"


def _read_files(job: TrainerJob) -> FileFacts:
    limit = queries.find_engine(base_model=job.base_model).max_example_tokens
    examples = tokens = 0
    known: set[bytes] = set()
    for line in training_lines(job):
        examples += 1
        tokens += min(limit, count_example_tokens(line))
        if job.validation_file:
            known.add(digest_of(line))
    if examples < MIN_EXAMPLES:
        raise InvalidInput(
            f"Training file has {examples} example(s), but must have at least {MIN_EXAMPLES} examples",
            code="invalid_n_examples",
            param="training_file",
        )
    return FileFacts(examples, tokens, sum(digest_of(line) in known for line in validation_lines(job)))


def training_lines(job: TrainerJob) -> Iterator[TrainingLine]:
    return _lines(job, job.training_file, param="training_file")


def validation_lines(job: TrainerJob) -> Iterator[TrainingLine]:
    return _lines(job, job.validation_file, param="validation_file") if job.validation_file else iter(())


def digest_of(line: TrainingLine) -> bytes:
    """Equal for examples with equal messages."""
    return hashlib.blake2b(canonical_json(line.messages).encode(), digest_size=16).digest()


def _lines(job: TrainerJob, file_id: str, *, param: str) -> Iterator[TrainingLine]:
    with open_training_file(account=job.account, file_id=file_id, param=param) as file:
        try:
            yield from read_training_file(file)
        except InvalidLine as broken:
            raise InvalidInput(broken.message, code=f"invalid_{param}", param=param) from None


def _message_tokens(message: Message) -> int:
    content = message.get("content")
    if message["role"] in ("system", "developer") and isinstance(content, str):
        return count_message_tokens({**message, "content": ""}) + _repeated_tokens(content)
    return count_message_tokens(message)


@lru_cache(maxsize=64)
def _repeated_tokens(text: str) -> int:
    """Examples of one file mostly share their system message and tools: count each once."""
    return count_tokens(text)
