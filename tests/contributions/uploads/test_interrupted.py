"""Whatever stops a worker, and wherever: the upload ends as it would have ended, and nothing is there twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.contributions import services
from apps.contributions.enums import UploadStatus
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.services.uploads import portions, turns
from apps.contributions.services.uploads.turns import LEASE, MAX_STARTS, Turn, take_turn
from apps.personas.models import FewShotExample, Persona, PromptVersion
from tests.contributions.uploads.world import SAMPLE, TALK, make_persona, process, receive, work
from tests.factories import NOW

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """As a signal ends a process: nothing catches it."""


@pytest.fixture
def persona() -> Persona:
    return make_persona()


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "BATCH", 30)  # the sample has 73 pairs: three portions


def left_of(upload: Upload) -> dict[str, Any]:
    """Everything that came of it, but for ids and times."""
    upload.refresh_from_db()
    prompt = upload.prompt_version
    examples = upload.examples.order_by("client_id")
    few_shots = FewShotExample.objects.filter(origin=f"upload {upload.pk}").order_by("position")
    return {
        "status": upload.status,
        "pairs": upload.report["pairs"],
        "dropped": upload.report["dropped"],
        "read_by": upload.report["read_by"],
        "rows": upload.rows_imported,
        "analysis": upload.analysis,
        "examples": [(one.client_id.split("-", 2)[2], one.input, one.accepted_label) for one in examples],
        "few_shots": [(one.user_message, one.position) for one in few_shots],
        "prompts": PromptVersion.objects.filter(origin=f"upload {upload.pk}").count(),
        "prompt": prompt and prompt.system_prompt,
    }


def killed_at(monkeypatch: pytest.MonkeyPatch, method: str, number: int, *, before: bool) -> None:
    """The worker dies right before, or right after, the `number`-th time that it writes down where it is."""
    original: Callable[..., None] = getattr(Turn, method)
    calls = []

    def dying(self: Turn, *args: Any, **kwargs: Any) -> None:
        calls.append(method)
        if before and len(calls) == number:
            raise Killed
        original(self, *args, **kwargs)
        if not before and len(calls) == number and method != "keep":  # `keep` stands in a transaction
            raise Killed

    monkeypatch.setattr(Turn, method, dying)


MOMENTS = [
    *[("advance", number, before) for number in (1, 2, 3, 4) for before in (True, False)],
    *[("keep", number, True) for number in (1, 2, 3, 4)],
    ("end", 1, True),
]


@pytest.mark.slow
def test_a_worker_that_dies_costs_nothing_and_doubles_nothing(persona: Persona) -> None:
    undisturbed = left_of(work(receive(persona, SAMPLE.read_bytes())))
    for method, number, before in MOMENTS:
        other = make_persona(organization=persona.organization)
        upload = receive(other, SAMPLE.read_bytes())
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, method, number, before=before)
            die_in(upload)
        assert process(upload, NOW + LEASE / 2).status != UploadStatus.DONE  # its lease runs: nobody else takes it up
        assert process(upload, NOW + LEASE * 2).status == UploadStatus.DONE
        assert left_of(upload) == undisturbed, (method, number, before)
        assert process(upload, NOW + LEASE * 4).status == UploadStatus.DONE  # done is done
        assert left_of(upload) == undisturbed, (method, number, before)


def die_in(upload: Upload) -> None:
    with pytest.raises(Killed):
        process(upload)


def test_a_defect_gives_the_upload_back_at_once(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive(persona)
    with monkeypatch.context() as patch:
        patch.setattr("apps.contributions.services.uploads.pairing.material_of", lambda upload: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            process(upload)
    upload.refresh_from_db()
    assert (upload.status, upload.leased_until, upload.attempts) == (UploadStatus.PAIRING, None, 0)
    assert process(upload).status == UploadStatus.DONE


def test_a_file_that_stops_its_reader_every_time_is_given_up(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = receive(persona)
    monkeypatch.setattr("apps.contributions.services.uploads.reading.extract", _die)
    for start in range(MAX_STARTS):
        with pytest.raises(Killed):
            process(upload, NOW + LEASE * 2 * start)
    upload = process(upload, NOW + LEASE * 2 * MAX_STARTS)
    assert (upload.status, upload.error_code, upload.leased_until) == (UploadStatus.FAILED, "interrupted", None)
    assert "interrupted 3 times" in upload.error_message
    monkeypatch.undo()
    services.retry_upload(upload=upload, by=SYSTEM, now=NOW)
    assert work(upload).status == UploadStatus.DONE


def _die(*_args: Any, **_kwargs: Any) -> None:
    raise Killed


def test_of_two_workers_one_works(persona: Persona) -> None:
    upload = receive(persona)
    first, second = take_turn(upload=upload, now=NOW), take_turn(upload=upload, now=NOW)
    assert (first is None, second) == (False, None)


def test_a_worker_that_was_too_slow_changes_nothing(persona: Persona) -> None:
    upload = receive(persona, SAMPLE.read_bytes())
    slow = take_turn(upload=upload, now=NOW)
    assert slow is not None
    done = left_of(process(upload, NOW + LEASE * 2))
    for act in (
        lambda: slow.advance(UploadStatus.EXTRACTING),
        lambda: slow.keep(rows_imported=9),
        lambda: slow.report(1, 1),
        lambda: slow.end(UploadStatus.DONE),
    ):
        with pytest.raises(turns.TurnLost):
            act()
    slow.give_back()
    assert left_of(upload) == done


def test_what_is_taken_back_meanwhile_is_left_alone(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first of three portions: what is there is erased, and nothing more comes of the file."""
    monkeypatch.setattr(turns, "LASTS", timedelta(0))
    upload = receive(persona, SAMPLE.read_bytes())
    while upload.progress_done < 30 or upload.status != UploadStatus.PAIRING:
        upload = process(upload)
    slow = take_turn(upload=upload, now=NOW)
    assert slow is not None
    assert upload.examples.count() == 30
    organization = persona.organization
    services.withdraw_organization(organization=organization, confirmation=organization.slug, by=SYSTEM, now=NOW)
    with pytest.raises(turns.TurnLost):
        slow.keep(rows_imported=60)
    assert process(upload, NOW + LEASE * 2).status == UploadStatus.PAIRING  # nobody reads on
    jobs.drain()
    assert process(upload, NOW + LEASE * 2).status == UploadStatus.WITHDRAWN
    examples = TrainingExample.objects.filter(upload=upload)
    assert (examples.count(), examples.filter(input__isnull=False).count()) == (30, 0)
    assert PromptVersion.objects.filter(origin=f"upload {upload.pk}").count() == 0


def test_a_turn_ends_in_time_and_the_next_goes_on(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LASTS", timedelta(0))
    upload = receive(persona, SAMPLE.read_bytes())
    upload = process(upload)
    assert (upload.status, upload.leased_until) == (UploadStatus.EXTRACTING, None)
    stops = []
    for _ in range(9):
        upload = process(upload)
        stops.append((upload.status, upload.progress_done))
    assert stops[:6] == [
        ("pairing", 0),
        ("pairing", 30),
        ("pairing", 60),
        ("choosing", 0),
        ("analysing", 0),
        ("done", 0),
    ]
    assert left_of(upload)["rows"] == 73


def test_the_sweep_finds_what_nobody_is_at(persona: Persona) -> None:
    lost, taken, fresh = (receive(persona, f"{TALK}{' ' * n}") for n in range(3))
    long_ago = NOW - timedelta(hours=1)
    Upload.objects.filter(pk__in=[lost.pk, taken.pk]).update(updated_at=long_ago)
    Upload.objects.filter(pk=taken.pk).update(leased_until=NOW + LEASE)
    Upload.objects.filter(pk=fresh.pk).update(updated_at=NOW)
    assert services.hand_out_uploads(now=NOW) == 1
    assert services.hand_out_uploads(now=NOW) == 0  # not twice in five minutes
    jobs.drain()
    lost.refresh_from_db()
    assert lost.status == UploadStatus.DONE
