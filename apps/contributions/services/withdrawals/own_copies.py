"""What this app keeps beside the examples themselves: labels, answers to gold items, notes, uploads."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Count

from apps.contributions.enums import UploadStatus, WithdrawalScope
from apps.contributions.models import GoldAnswer, Label, ReferenceAnswer, Skip, Tester, Upload, Withdrawal
from apps.contributions.services.withdrawals.erasers import ERASERS, Affected, Eraser, Leftover
from apps.organizations.models import Membership, OrganizationQuerySet
from apps.personas.models import FewShotExample, PromptVersion


class ContributionsEraser(Eraser):
    name = "contributions"
    erases = frozenset(
        {
            "contributions.label.payload", "contributions.goldanswer.payload", "contributions.skip.note",
            "contributions.upload.extracted_text", "contributions.upload.report", "contributions.upload.analysis",
            "contributions.referenceanswer.text", "contributions.trainingexample.input",
            "contributions.trainingexample.output", "contributions.trainingexample.accepted_label",
            "contributions.tester.payout_details", "personas.fewshotexample.user_message",
            "personas.fewshotexample.assistant_message",
        }
    )  # fmt: skip

    def mark(self, *, withdrawal: Withdrawal, now: datetime) -> Iterator[Affected]:
        """Prompts that were written from uploads which go: they tell how somebody speaks, and may be in use."""
        taken_back = withdrawal.examples.exclude(upload=None).values_list("upload").annotate(rows=Count("pk"))
        rows = {f"upload {upload}": count for upload, count in taken_back.order_by()}
        written = PromptVersion.objects.filter(organization=withdrawal.organization_id, origin__in=list(rows))
        for prompt in written.select_related("persona").order_by("pk"):
            name, count = str(prompt), rows[prompt.origin]
            yield Affected("personas.promptversion", prompt.pk, name, count, prompt.persona_id)

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        labels = Label.objects.filter(example__in=example_ids, withdrawn_at=None)
        labels.update(payload=None, payload_hash="", withdrawn_at=now, updated_at=now)
        GoldAnswer.objects.filter(example__in=example_ids).update(payload=None, updated_at=now)
        Skip.objects.filter(example__in=example_ids).update(note="", updated_at=now)
        # The whole file: what else it holds was read out of it before, and stays.
        _erase_uploads(Upload.objects.filter(examples__in=example_ids), now)

    def finish(self, *, withdrawal: Withdrawal, now: datetime) -> Iterable[Leftover]:
        if withdrawal.scope == WithdrawalScope.ORGANIZATION:
            own = Upload.objects.filter(organization=withdrawal.organization_id)
            ReferenceAnswer.objects.filter(organization=withdrawal.organization_id).delete()
            _erase_uploads(own, now)
        elif withdrawal.tester is not None:
            _erase_uploads(_brought_by(withdrawal.tester), now)
        return ()


def _brought_by(tester: Tester) -> OrganizationQuerySet[Upload]:
    """What a member brings in is the organization's."""
    own = Upload.objects.filter(organization=tester.organization_id, uploaded_by=tester.user.audit_name)
    is_member = Membership.objects.filter(organization=tester.organization_id, user=tester.user_id).exists()
    return own.none() if is_member else own


def _erase_uploads(uploads: OrganizationQuerySet[Upload], now: datetime) -> None:
    for upload in uploads.filter(withdrawn_at=None).order_by("pk").distinct():
        _erase_upload(upload, now)


def _erase_upload(upload: Upload, now: datetime) -> None:
    """The file first: killed in between, the row still names what is to be deleted, and deleting it again is fine."""
    if upload.file.name:
        upload.file.storage.delete(upload.file.name)
    FewShotExample.objects.filter(persona=upload.persona_id, origin=f"upload {upload.pk}").delete()
    Upload.objects.filter(pk=upload.pk).update(
        file="",
        extracted_text="",
        report={},
        analysis=None,
        speaker="",
        original_name="withdrawn",
        status=UploadStatus.WITHDRAWN,
        leased_until=None,
        withdrawn_at=now,
        updated_at=now,
    )


ERASERS.register(ContributionsEraser())
