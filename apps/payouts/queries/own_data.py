"""A tester's money, as it stands in the export of what is stored about them."""

from typing import Any

from apps.contributions.queries.own_data import DATA_EXPORTS, DataExport
from apps.payouts.models import Payout, Share, Transfer


def _share(share: Share) -> dict[str, Any]:
    day = share.revenue_day
    return {
        "day": day.day,
        "persona": day.persona.name,
        "weight": share.weight,
        "total_weight": day.total_weight,
        "rows": share.items,
        "amount_micros": share.amount_micros,
        "currency": share.currency,
    }


def _transfer(transfer: Transfer) -> dict[str, Any]:
    return {
        "at": transfer.created_at,
        "purpose": transfer.purpose,
        "amount_micros": transfer.amount_micros,
        "currency": transfer.currency,
        "received": transfer.credit.tester_id is not None,
    }


def _payout(payout: Payout) -> dict[str, Any]:
    return {
        "created_at": payout.created_at,
        "status": payout.status,
        "amount_micros": payout.amount_micros,
        "currency": payout.currency,
        "rail": payout.rail,
    }


for _part in (
    DataExport(
        "shares",
        "Shares of what models earned",
        lambda tester: Share.objects.filter(tester=tester).select_related("revenue_day__persona"),
        _share,
    ),
    DataExport(
        "transfers",
        "Movements on your account",
        lambda tester: (
            Transfer.objects.filter(credit__tester=tester) | Transfer.objects.filter(debit__tester=tester)
        ).select_related("credit"),
        _transfer,
    ),
    DataExport("payouts", "Payouts to you", lambda tester: Payout.objects.filter(tester=tester), _payout),
):
    DATA_EXPORTS.register(_part)
