"""What an organization has stored about a tester: to look at, to take along, to have deleted (AV13)."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.common.errors import FlywheelError
from apps.contributions import services
from apps.contributions.models import Tester
from apps.contributions.queries import own_data
from apps.contributions.views.finding import not_found_is_404
from apps.organizations.accounts import signed_in_user

TYPED = "delete my data"


class WithdrawForm(forms.Form):
    confirmation = forms.CharField(max_length=100)
    reason = forms.CharField(max_length=2000, required=False)

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if " ".join(typed.lower().split()) != TYPED:
            raise forms.ValidationError(f"Type “{TYPED}” to confirm. Nothing was deleted.")
        return typed


@require_safe
@never_cache
@login_required
def own_data_home(request: HttpRequest) -> HttpResponse:
    """Straight to the only organization there is, or the choice."""
    testers = own_data.own_records(user=signed_in_user(request))
    if len(testers) == 1:
        return redirect("own_data", organization=testers[0].organization.slug)
    return render(request, "contributions/own_data_home.html", {"testers": testers})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@not_found_is_404
def own_data_page(request: HttpRequest, organization: str) -> HttpResponse:
    """What there is about the tester; posting the typed words has it deleted, and the page then says what was found."""
    tester = own_data.get_own_record(user=signed_in_user(request), organization_slug=organization)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if not form.is_bound or not form.is_valid():
        return render(
            request,
            "contributions/own_data.html",
            _about(tester) | {"form": form},
            status=400 if form.is_bound else 200,
        )
    try:
        services.withdraw_tester(tester=tester, by=tester.user, now=timezone.now(), reason=form.cleaned_data["reason"])
    except FlywheelError as error:
        messages.error(request, str(error))
    return redirect("own_data", organization=organization)


@require_safe
@never_cache
@login_required
@not_found_is_404
def own_data_download(request: HttpRequest, organization: str) -> HttpResponseBase:
    tester = own_data.get_own_record(user=signed_in_user(request), organization_slug=organization)
    now = timezone.now()
    return StreamingHttpResponse(
        own_data.export_own_data(tester=tester, now=now),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="my-data-{organization}-{now:%Y-%m-%d}.json"'},
    )


def _about(tester: Tester) -> dict[str, Any]:
    return {
        "tester": tester,
        "counts": own_data.count_own_data(tester=tester),
        "withdrawal": own_data.last_withdrawal(tester=tester),
        "typed": TYPED,
    }
