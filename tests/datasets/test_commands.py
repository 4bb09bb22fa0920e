import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.datasets.models import TrainingDataset
from apps.personas.models import Persona
from tests.datasets.world import accept_many, alter, build, publish
from tests.factories import PersonaFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    accept_many(persona, 30)
    return persona


@pytest.fixture
def dataset(persona: Persona) -> TrainingDataset:
    return publish(build(persona))


def _export(dataset: TrainingDataset, *options: str) -> str:
    out = StringIO()
    call_command("export_dataset", str(dataset.pk), "--format", "openai_chat", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_to_a_file(dataset: TrainingDataset, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("what was there before")
    _export(dataset, "-o", str(path))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == dataset.training_sha256
    assert os.listdir(tmp_path) == ["data.jsonl"]
    call_command("validate_file", str(path), stdout=StringIO())


def test_to_standard_output(dataset: TrainingDataset) -> None:
    lines = _export(dataset, "--split", "validation")
    assert hashlib.sha256(lines.encode()).hexdigest() == dataset.validation_sha256


def test_a_draft_is_refused_with_the_way_out(persona: Persona, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"not published yet, so it has no file\. Publish it first"):
        _export(build(persona), "-o", str(tmp_path / "data.jsonl"))
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_not_what_was_published_never_appears(dataset: TrainingDataset, tmp_path: Path) -> None:
    alter(dataset.items.get(split="train", position=0), "{}")
    path = tmp_path / "data.jsonl"
    path.write_text("what was there before")
    with pytest.raises(CommandError, match="Line 1 of the train file of Bank questions is not the one"):
        _export(dataset, "-o", str(path))
    assert path.read_text() == "what was there before"
    assert os.listdir(tmp_path) == ["data.jsonl"]


def test_unknown_datasets_formats_and_folders(dataset: TrainingDataset, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no dataset 0"):
        call_command("export_dataset", "0", "--format", "openai_chat")
    with pytest.raises(CommandError, match="no dataset format called 'csv'"):
        call_command("export_dataset", str(dataset.pk), "--format", "csv")
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        _export(dataset, "-o", str(tmp_path / "missing" / "data.jsonl"))


def test_a_dataset_of_another_format_is_refused(persona: Persona) -> None:
    dataset = build(persona)
    TrainingDataset.objects.filter(pk=dataset.pk).update(format="alpaca")
    with pytest.raises(CommandError, match="was rendered as alpaca, not as openai_chat"):
        _export(dataset)


def test_a_pipe_is_written_to_and_never_replaced(dataset: TrainingDataset, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_bytes)
        _export(dataset, "-o", str(pipe))
        assert hashlib.sha256(reading.result(timeout=30)).hexdigest() == dataset.training_sha256
    assert pipe.is_fifo()
    with pytest.raises(CommandError, match="/dev/full cannot be written: No space left on device"):
        _export(dataset, "-o", "/dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_link_keeps_pointing_to_the_file_it_names(dataset: TrainingDataset, tmp_path: Path) -> None:
    link, target = tmp_path / "latest.jsonl", tmp_path / "data.jsonl"
    link.symlink_to(target)
    _export(dataset, "-o", str(link))
    assert link.is_symlink()
    assert hashlib.sha256(target.read_bytes()).hexdigest() == dataset.training_sha256
