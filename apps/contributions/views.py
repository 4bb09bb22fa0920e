"""The review desk: a tester reads one example at a time and says what the right answer is."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.common.errors import FlywheelError, NotFound
from apps.contributions import queries, services
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Tester, TrainingExample
from apps.organizations.accounts import signed_in_user
from apps.personas.models import Persona
from apps.personas.queries import facts_of, get_persona, task_of

WORDING_ID = hashlib.sha256(services.CONSENT_WORDING.encode()).hexdigest()[:16]

View = Callable[..., HttpResponse]


def not_found_is_404(view: View) -> View:
    """A page that is not there, or not this person's, is a 404 like any other."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except NotFound as error:
            raise Http404(str(error)) from None

    return wrapped


@require_safe
@login_required
def review_home(request: HttpRequest) -> HttpResponse:
    """Straight to the only thing there is to do, or the choice; a newly invited tester is asked for consent first."""
    testers = queries.testers_of(user=signed_in_user(request))
    invited = next((tester for tester in testers if tester.status == TesterStatus.INVITED), None)
    if invited is not None:
        return redirect("review_consent", organization=invited.organization.slug)
    desks = queries.desks_of(testers=testers)
    if len(desks) == 1:
        return redirect(_desk_url(desks[0].tester, desks[0].persona))
    return render(request, "contributions/home.html", {"testers": testers, "desks": desks})


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


@require_safe
@never_cache  # one address, two shapes, and a lease in each
@login_required
@not_found_is_404
def review_desk(request: HttpRequest, organization: str, persona: str) -> HttpResponse:
    """One example to label: the whole page, or for htmx only what changes from one example to the next."""
    tester, chosen = _at_desk(request, organization, persona)
    if tester.status == TesterStatus.INVITED:
        return redirect("review_consent", organization=organization)
    now = timezone.now()
    try:
        example = services.lease_next_example(tester=tester, persona=chosen, now=now)
    except FlywheelError as error:
        return render(
            request, "contributions/home.html", {"testers": [tester], "desks": [], "error": error}, status=403
        )
    context = {
        "tester": tester,
        "persona": chosen,
        "progress": queries.review_progress(tester=tester, persona=chosen, now=now),
    }
    if example is None:
        context["empty"] = queries.explain_empty_queue(tester=tester, persona=chosen, now=now)
    else:
        context |= _item(tester, chosen, example)
    return render(request, "contributions/_desk.html" if _by_htmx(request) else "contributions/desk.html", context)


@require_POST
@login_required
@not_found_is_404
def review_label(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Store the label; the desk then shows the next example, or the same one with what was wrong."""
    tester, chosen = _at_desk(request, organization, persona)
    labelled = _example_of(chosen, example)
    rating = request.POST.get("rating", "")
    try:
        services.submit_label(
            tester=tester,
            example=labelled,
            payload=task_of(chosen).read_form(request.POST),
            rating=int(rating) if rating.isdecimal() and rating.isascii() and len(rating) < 10 else None,
            now=timezone.now(),
        )
    except FlywheelError as error:
        messages.error(request, str(error))
    return redirect(_desk_url(tester, chosen))


@require_POST
@login_required
@not_found_is_404
def review_skip(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Set the example aside for a while and go on."""
    tester, chosen = _at_desk(request, organization, persona)
    services.skip_example(tester=tester, example=_example_of(chosen, example), now=timezone.now())
    return redirect(_desk_url(tester, chosen))


def _at_desk(request: HttpRequest, organization: str, persona: str) -> tuple[Tester, Persona]:
    tester = queries.get_tester(user=signed_in_user(request), organization_slug=organization)
    return tester, get_persona(organization=tester.organization, slug=persona)


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _example_of(persona: Persona, pk: int) -> TrainingExample:
    example = TrainingExample.objects.filter(persona=persona, pk=pk).first()
    if example is None:
        raise NotFound("There is no such example.")
    return example


def _desk_url(tester: Tester, persona: Persona) -> str:
    return reverse("review_desk", args=[tester.organization.slug, persona.slug])


def _item(tester: Tester, persona: Persona, example: TrainingExample) -> dict[str, Any]:
    """What the label form shows: the question, the model's answer if there is one, and the task's own form."""
    task, facts = task_of(persona), facts_of(persona)
    answer = example.output or {}
    return {
        "example": example,
        "question": task.user_message(example.input),
        "answer": answer,
        "prefilled": task.label_of_output(answer, facts) or {},
        "settings": facts.settings,
        "label_template": task.label_template,
        "label_url": reverse("review_label", args=[tester.organization.slug, persona.slug, example.pk]),
        "skip_url": reverse("review_skip", args=[tester.organization.slug, persona.slug, example.pk]),
    }
