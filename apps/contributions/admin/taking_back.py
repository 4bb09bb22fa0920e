"""Buttons by which staff have data deleted that somebody took back (AV13): of examples, of a tester, of everybody."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.common.admin import confirm, is_confirmed
from apps.common.errors import FlywheelError
from apps.contributions import services
from apps.contributions.models import Label, Tester, TrainingExample, Withdrawal
from apps.organizations.enums import Role
from apps.organizations.models import Organization, User
from apps.organizations.scoped_admin import ScopedAdmin, acting_user

FOR_GOOD = (
    "What they say is erased for good: here, in datasets, in answers, in files at providers. Models that learnt it "
    "cannot be un-trained, and may still say it: the next page names them. Shares and credits stay."
)

UPLOADS_GO = "deleted, with the few-shot examples chosen from them; what else was read out of them stays"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept with the request.",
    )


class OrganizationForm(ReasonForm):
    """Typing the short name is asked for where it is irreversible; the service compares."""

    field_order = ["organization", "confirmation", "reason"]
    organization = forms.ModelChoiceField(Organization.objects.none(), widget=UnfoldAdminSelectWidget)
    confirmation = forms.CharField(
        label="Its short name", widget=UnfoldAdminTextInputWidget, help_text="Type the organization's slug to confirm."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owned = Organization.objects.filter(is_active=True)
        if not user.is_superuser:
            owned = owned.filter(pk__in=user.memberships.filter(role=Role.OWNER).values("organization"))
        self.fields["organization"] = forms.ModelChoiceField(owned, widget=UnfoldAdminSelectWidget)


def page_of(withdrawal: Withdrawal) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:contributions_withdrawal_change", args=[withdrawal.pk]))


def _done(request: HttpRequest, withdrawal: Withdrawal) -> HttpResponseRedirect:
    messages.success(request, f"{withdrawal} is recorded, and the erasing has begun.")
    return page_of(withdrawal)


class TakesBackExamples(ScopedAdmin):
    """For the list of examples."""

    @admin.action(description="Delete on request", permissions=["write"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[TrainingExample]) -> HttpResponseBase | None:
        form = ReasonForm(request.POST if is_confirmed(request) else None)
        organizations = {example.organization for example in queryset.select_related("organization")}
        if len(organizations) != 1:
            messages.error(request, "Choose examples of one organization: each request is one organization's.")
            return None
        if not form.is_valid():
            return confirm(
                self, request, queryset, action="take_back", title="Delete these examples for good?",
                facts=_facts_of_examples(queryset), form=form, warning=FOR_GOOD, button="Delete",
            )  # fmt: skip
        try:
            return _done(request, _withdraw_examples(request, organizations.pop(), queryset, form))
        except FlywheelError as error:
            messages.error(request, str(error))
            return None

    @action(description="Delete on request", permissions=["write"], url_path="take-back")  # type: ignore[untyped-decorator]
    def take_back_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self.take_back(request, self.only(request, object_id)) or self.back_to(object_id)


def _withdraw_examples(
    request: HttpRequest, organization: Organization, examples: QuerySet[TrainingExample], form: ReasonForm
) -> Withdrawal:
    return services.withdraw_examples(
        organization=organization,
        example_ids=list(examples.values_list("pk", flat=True)),
        by=acting_user(request),
        now=timezone.now(),
        reason=form.cleaned_data["reason"],
    )


def _facts_of_examples(examples: QuerySet[TrainingExample]) -> list[tuple[str, str]]:
    labels = Label.objects.filter(example__in=examples, withdrawn_at=None)
    conversations = examples.exclude(conversation_ref="").count()
    return [
        ("Examples", f"{examples.count():,}"),
        ("Labels on them", f"{labels.count():,}"),
        *([("Of conversations", f"{conversations:,}: what was said after them goes too")] if conversations else []),
        *([("Uploads they come from", UPLOADS_GO)] if examples.exclude(upload=None).exists() else []),
    ]


class TakesBackTesters(ScopedAdmin):
    """For the list of testers."""

    @action(description="Delete their data", permissions=["write"], url_path="take-back")  # type: ignore[untyped-decorator]
    def take_back_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        chosen = self.only(request, object_id)
        tester: Tester = chosen[0]
        form = ReasonForm(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(
                self, request, chosen, action="take_back_this", title=f"Delete the data of {tester}?",
                facts=_facts_of_tester(tester), form=form,
                warning="They asked for it, it cannot be undone, and they label no more. Shares and credits stay.",
                button="Delete",
            )  # fmt: skip
        try:
            withdrawal = services.withdraw_tester(
                tester=tester, by=acting_user(request), now=timezone.now(), reason=form.cleaned_data["reason"]
            )
        except FlywheelError as error:
            messages.error(request, str(error))
            return self.back_to(object_id)
        return _done(request, withdrawal)


def _facts_of_tester(tester: Tester) -> list[tuple[str, str]]:
    labels = Label.objects.filter(tester=tester, withdrawn_at=None)
    return [
        ("Labels that are emptied", f"{labels.count():,}"),
        ("Examples that rest on them alone", "taken out; their questions are put to others"),
        ("Where payouts go", "deleted: pay out first what is owed" if tester.payout_details else "nothing stored"),
    ]
