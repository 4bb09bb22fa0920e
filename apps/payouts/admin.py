"""The books, to be read. What is wrong in them is corrected by a new transfer, never here."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from apps.chat.queries import with_response
from apps.common.admin import link_to, link_to_list
from apps.common.money import format_money
from apps.organizations.scoped_admin import ReadOnlyAdmin
from apps.payouts.models import LedgerAccount, Payout, RevenueDay, RevenueEvent, Share, Transfer
from apps.payouts.queries import explain_share, with_balance
from apps.payouts.queries.earnings import with_explanation
from apps.payouts.queries.explanations import model_name, percent_of_rate, percent_of_weight
from apps.personas.scoped_admin import PersonaFilter


class MoneyAdmin(ReadOnlyAdmin):
    @admin.display(description="amount", ordering="amount_micros")
    def amount(self, row: Any) -> str:
        return format_money(row.amount_micros, row.currency)


@admin.register(RevenueEvent)
class RevenueEventAdmin(MoneyAdmin):
    list_display = ["day", "persona", "custom_model", "customer", "amount", "response", "organization"]
    fields = ["day", "persona", "custom_model", "customer", "amount", "response", "organization"]
    readonly_fields = ["amount"]
    when_empty = "A paid run becomes a line here when its day is closed: each night, or by close_revenue_day."
    list_filter = ["currency", PersonaFilter]
    search_fields = ["customer", "response__public_id"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return with_response(rows.select_related("persona", "custom_model__persona", "organization"))


@admin.register(RevenueDay)
class RevenueDayAdmin(ReadOnlyAdmin):
    list_display = [
        "day", "answered_by", "run_count", "revenue", "rate", "pool", "shared", "testers",
    ]  # fmt: skip
    fields = [
        "day", "persona", "custom_model", "run_count", "revenue", "rate", "pool", "shared", "who_got_what", "basis",
        "rule", "closed_by", "created_at",
    ]  # fmt: skip
    readonly_fields = ["revenue", "rate", "pool", "shared", "who_got_what"]
    when_empty = "Each night the day before is closed: what paid runs earned, and what testers share of it."
    list_filter = ["basis", "currency", PersonaFilter]
    ordering = ["-day", "-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(tester_count=Count("shares"))
        return rows.select_related("persona", "custom_model__persona")

    @admin.display(description="who got what")
    def who_got_what(self, day: RevenueDay) -> str:
        shares = day.shares.select_related("tester").order_by("-amount_micros")
        lines = [(link_to(share, share.tester), format_money(share.amount_micros, day.currency)) for share in shares]
        return format_html_join("", "<p>{}: {}</p>", lines) or "Nobody has taught it, so nothing is shared."

    @admin.display(description="answered by")
    def answered_by(self, day: RevenueDay) -> str:
        return model_name(day)

    @admin.display(description="earned", ordering="revenue_micros")
    def revenue(self, day: RevenueDay) -> str:
        return format_money(day.revenue_micros, day.currency)

    @admin.display(description="rate", ordering="share_rate")
    def rate(self, day: RevenueDay) -> str:
        return percent_of_rate(day.share_rate)

    @admin.display(description="to share", ordering="pool_micros")
    def pool(self, day: RevenueDay) -> str:
        return format_money(day.pool_micros, day.currency)

    @admin.display(description="shared", ordering="shared_micros")
    def shared(self, day: RevenueDay) -> str:
        return format_money(day.shared_micros, day.currency)

    @admin.display(description="testers", ordering="tester_count")
    def testers(self, day: Any) -> int:
        return int(day.tester_count)


@admin.register(Share)
class ShareAdmin(MoneyAdmin):
    list_display = ["day", "tester", "answered_by", "items", "part", "amount"]
    list_filter = ["currency", "revenue_day__basis"]
    search_fields = ["tester__display_name"]
    ordering = ["-pk"]
    fields = ["explanation", "tester", "amount", "revenue_day", "items", "part", "created_at"]
    readonly_fields = ["explanation", "amount", "part"]
    when_empty = (
        "When a day with paid runs is closed, each tester's part of it appears here, with the sentence they read."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_explanation(super().get_queryset(request))

    @admin.display(description="day", ordering="revenue_day__day")
    def day(self, share: Share) -> date:
        return share.revenue_day.day

    @admin.display(description="answered by")
    def answered_by(self, share: Share) -> str:
        return model_name(share.revenue_day)

    @admin.display(description="weight", ordering="weight")
    def part(self, share: Share) -> str:
        return percent_of_weight(share)

    @admin.display(description="as the tester reads it")
    def explanation(self, share: Share) -> str:
        return explain_share(share)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ["kind", "tester", "currency", "balance", "organization"]
    list_select_related = ["tester", "organization"]
    list_filter = ["kind", "currency"]
    search_fields = ["tester__display_name"]
    ordering = ["kind", "pk"]
    fields = ["kind", "tester", "currency", "balance", "transfers", "organization"]
    readonly_fields = ["balance", "transfers"]

    @admin.display(description="transfers")
    def transfers(self, account: LedgerAccount) -> str:
        out = link_to_list("payouts_transfer", "out of it", debit__id__exact=account.pk)
        return format_html("{}, {}", out, link_to_list("payouts_transfer", "into it", credit__id__exact=account.pk))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_balance(super().get_queryset(request))

    @admin.display(description="balance", ordering="balance_micros")
    def balance(self, account: Any) -> str:
        return format_money(account.balance_micros, account.currency)


@admin.register(Transfer)
class TransferAdmin(MoneyAdmin):
    list_display = ["created_at", "purpose", "debit", "credit", "amount", "key"]
    list_select_related = ["debit__tester", "credit__tester"]
    list_filter = ["purpose", "currency"]
    search_fields = ["key", "debit__tester__display_name", "credit__tester__display_name"]
    search_help_text = "A key, or a tester's name"
    ordering = ["-pk"]
    fields = [
        "created_at", "purpose", "debit", "credit", "amount", "revenue_event", "revenue_day", "share", "payout", "key",
        "organization",
    ]  # fmt: skip
    readonly_fields = ["amount"]


@admin.register(Payout)
class PayoutAdmin(MoneyAdmin):
    """Nothing creates a payout yet: rails and approval do not exist. The list says so."""

    list_display = ["created_at", "tester", "amount", "rail", "status", "created_by", "approved_by"]
    list_select_related = ["tester"]
    list_filter = ["status", "rail"]
    search_fields = ["tester__display_name"]
    ordering = ["-pk"]
    list_before_template = "payouts/admin/no_payouts_yet.html"
