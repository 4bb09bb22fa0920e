"""What a tester sets aside, and what they report: the example, why, and in their words."""

from datetime import datetime

from django.db import transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, InvalidInput
from apps.contributions.enums import ExampleStatus, SkipReason
from apps.contributions.models import Skip, Tester, TrainingExample
from apps.contributions.queries import check_may_label, open_reports
from apps.contributions.services.leases import release

MAX_NOTE = 1000  # characters: a note, not a letter


def skip_example(*, tester: Tester, example: TrainingExample, reason: str, note: str = "") -> Skip:
    """Leave an example to others: this tester is not asked again. InvalidInput if the reason is none."""
    return _set_aside(tester, example, reason, note, is_report=False)


def report_example(*, tester: Tester, example: TrainingExample, reason: str, note: str = "") -> Skip:
    """Take an example off every desk until staff have looked. InvalidInput if the reason is none."""
    return _set_aside(tester, example, reason, note, is_report=True)


@transaction.atomic
def resolve_reports(*, example: TrainingExample, by: Actor, now: datetime, note: str = "") -> int:
    """Staff looked at what was reported and let it stand: it goes back to the desks. Conflict if nothing was open."""
    resolved = settle_reports(example_id=example.pk, by_name=by.audit_name, now=now)
    if not resolved:
        raise Conflict("No report of this example is open.", resolution="Somebody else may have looked at it just now.")
    audit.record("reports_resolved", by=by, target=example, reports=resolved, note=note[:200])
    return resolved


def settle_reports(*, example_id: int, by_name: str, now: datetime) -> int:
    """Close what was reported about an example, for whoever decided about it; how many reports there were."""
    return open_reports().filter(example=example_id).update(resolved_at=now, resolved_by=by_name, updated_at=now)


@transaction.atomic
def _set_aside(tester: Tester, example: TrainingExample, reason: str, note: str, *, is_report: bool) -> Skip:
    """The second time replaces the first; what staff have looked at since is reported anew."""
    check_may_label(tester=tester)
    if example.organization_id != tester.organization_id or example.status == ExampleStatus.WITHDRAWN:
        raise Conflict("It is not there any more.", resolution="Go on to the next one.")
    _check(reason, note, SkipReason.for_reporting() if is_report else SkipReason.for_skipping())
    skip, _ = Skip.objects.update_or_create(
        example=example,
        tester=tester,
        defaults={
            "organization_id": example.organization_id, "reason": reason, "note": note.strip(),
            "is_report": is_report, "resolved_at": None, "resolved_by": "",
        },
    )  # fmt: skip
    release(tester=tester, example=example)
    audit.record("reported" if is_report else "skipped", by=tester.user, target=example, reason=reason)
    return skip


def _check(reason: str, note: str, reasons: list[SkipReason]) -> None:
    if reason not in reasons:
        raise InvalidInput("reason: choose one of the list.", resolution="Nothing was changed.", param="reason")
    if len(note) > MAX_NOTE or "\x00" in note:
        raise InvalidInput(
            f"note: it is longer than {MAX_NOTE:,} characters, or no text.", resolution="Shorten it.", param="note"
        )
