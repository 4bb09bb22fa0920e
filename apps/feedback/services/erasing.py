"""What people wrote about an answer goes when the answer is taken back (AV13); what they thought of it stays."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from apps.chat.queries import taken_back_with
from apps.common.guards import erased
from apps.contributions.enums import WithdrawalScope
from apps.contributions.models import Withdrawal
from apps.contributions.services.withdrawals import ERASERS, Eraser, Leftover
from apps.feedback.models import NO_TEXTS, ModelFeedback


class FeedbackEraser(Eraser):
    name = "feedback"
    erases = frozenset({f"feedback.modelfeedback.{column}" for column in NO_TEXTS})

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        _empty(Q(response__in=taken_back_with(example_ids=example_ids)))

    def finish(self, *, withdrawal: Withdrawal, now: datetime) -> Iterable[Leftover]:
        if withdrawal.scope == WithdrawalScope.ORGANIZATION:
            own = {"organization": withdrawal.organization_id, "created_at__lte": withdrawal.created_at}
            _empty(Q(**{f"response__{name}": value for name, value in own.items()}))
        return ()


def _empty(chosen: Q) -> None:
    for column, nothing in NO_TEXTS.items():
        written = ModelFeedback.objects.filter(chosen).exclude(**{column: ""})
        written.update(**{column: erased(nothing)})


ERASERS.register(FeedbackEraser())
