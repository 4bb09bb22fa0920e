"""Answers keep what was asked and said: emptied when it is taken back (AV13). Who was asked, when and for how much
stays: people are paid by it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from apps.chat.models import NO_TEXTS, Conversation, Response
from apps.chat.queries import taken_back_with
from apps.common.guards import erased
from apps.contributions.enums import WithdrawalScope
from apps.contributions.models import Withdrawal
from apps.contributions.services.withdrawals import ERASERS, Eraser, Leftover


class ResponseEraser(Eraser):
    name = "chat"
    erases = frozenset({"chat.response.messages", "chat.response.output"})

    def erase(self, *, example_ids: Sequence[int], now: datetime) -> None:
        """The answers that became these examples, and what came after them in the same conversation."""
        answers = list(taken_back_with(example_ids=example_ids).values_list("pk", flat=True))
        _empty(Q(pk__in=answers))
        Conversation.objects.filter(responses__in=answers).update(title="", updated_at=now)

    def finish(self, *, withdrawal: Withdrawal, now: datetime) -> Iterable[Leftover]:
        if withdrawal.scope == WithdrawalScope.ORGANIZATION:
            own = Q(organization=withdrawal.organization_id, created_at__lte=withdrawal.created_at)
            _empty(own)
            Conversation.objects.filter(own).update(title="", updated_at=now)
        return ()


def _empty(chosen: Q) -> None:
    texts = {column: erased(nothing) for column, nothing in NO_TEXTS.items()}
    Response.objects.filter(chosen).update(**texts)


ERASERS.register(ResponseEraser())
