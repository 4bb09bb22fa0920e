"""The way in: the choice of desks with one's own numbers, and what one agrees to before the first label."""

import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.common.errors import FlywheelError
from apps.contributions import queries, services
from apps.contributions.enums import TesterStatus
from apps.contributions.views.finding import desk_url, not_found_is_404
from apps.organizations.accounts import signed_in_user

WORDING_ID = hashlib.sha256(services.CONSENT_WORDING.encode()).hexdigest()[:16]


@require_safe
@login_required
def review_home(request: HttpRequest) -> HttpResponse:
    """Straight to the only thing there is to do, unless ``?all=1`` asks for the choice and one's numbers.

    A newly invited tester is asked for consent first.
    """
    testers = queries.testers_of(user=signed_in_user(request))
    invited = next((tester for tester in testers if tester.status == TesterStatus.INVITED), None)
    if invited is not None:
        return redirect("review_consent", organization=invited.organization.slug)
    desks = queries.desks_of(testers=testers)
    if len(desks) == 1 and "all" not in request.GET:
        return redirect(desk_url(desks[0].tester, desks[0].persona))
    context = {"testers": testers, "desks": desks, "numbers": queries.own_qualities(testers=testers)}
    return render(request, "contributions/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@not_found_is_404
def review_consent(request: HttpRequest, organization: str) -> HttpResponse:
    """What a tester agrees to, before the first label and to read again at any time."""
    tester = queries.get_tester(user=signed_in_user(request), organization_slug=organization)
    context = {"tester": tester, "wording": services.CONSENT_WORDING, "wording_id": WORDING_ID}
    if request.method != "POST":
        return render(request, "contributions/consent.html", context)
    if request.POST.get("wording_id") != WORDING_ID:
        messages.warning(request, "The wording has changed since you opened the page. Please read it again.")
        return render(request, "contributions/consent.html", context, status=409)
    try:
        services.record_consent(tester=tester, wording=services.CONSENT_WORDING, now=timezone.now())
    except FlywheelError as error:
        messages.error(request, str(error))
    return redirect("review_home")
