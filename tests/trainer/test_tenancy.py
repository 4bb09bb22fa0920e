"""One account never sees another's files, jobs, models or answers; what it cannot see does not exist."""

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.trainer.conftest import Connect, ask, train

pytestmark = pytest.mark.django_db
Examples = list[dict[str, Any]]


def test_a_stranger_finds_nothing(connect: Connect, examples: Examples) -> None:
    owner, stranger = connect("acme"), connect("rival")
    job = train(owner, examples, metadata={"run": "1"})
    model = str(job.fine_tuned_model)
    jobs, files, models = stranger.fine_tuning.jobs, stranger.files, stranger.models
    attempts: list[Callable[[], Any]] = [
        lambda: jobs.retrieve(job.id),
        lambda: jobs.cancel(job.id),
        lambda: jobs.pause(job.id),
        lambda: jobs.resume(job.id),
        lambda: jobs.list_events(job.id),
        lambda: jobs.checkpoints.list(job.id),
        lambda: files.retrieve(job.training_file),
        lambda: files.content(job.training_file),
        lambda: files.content(job.result_files[0]),
        lambda: files.delete(job.training_file),
        lambda: models.retrieve(model),
        lambda: models.delete(model),
        lambda: ask(stranger, model, "I lost my card"),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()

    assert list(files.list()) == list(jobs.list()) == list(jobs.list(metadata={"run": "1"})) == []
    assert [listed.id for listed in models.list()] == ["recall-1"]
    assert len(list(owner.files.list())) == 2
    assert ask(owner, model, "I lost my card").choices[0].finish_reason == "stop"


def test_a_stranger_cannot_train_on_a_file_or_page_past_it(connect: Connect, examples: Examples) -> None:
    owner, stranger = connect("acme"), connect("rival")
    job = train(owner, examples)

    with pytest.raises(openai.BadRequestError, match="Invalid training_file"):
        stranger.fine_tuning.jobs.create(model="recall-1", training_file=job.training_file)
    with pytest.raises(openai.BadRequestError, match="nothing with the id"):
        stranger.files.list(after=job.training_file)
