"""The review desk: a tester reads one item at a time and says what the right answer is."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.common.errors import Conflict, FlywheelError, InvalidInput, NotFound
from apps.contributions import queries, services
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Tester, TrainingExample
from apps.contributions.views.finding import at_desk, desk_url, example_of, not_found_is_404
from apps.contributions.views.items import item, surroundings
from apps.personas.models import Persona
from apps.personas.queries import task_of

GONE = Conflict(
    "This item is not on your desk any more.",
    resolution="Somebody else has it, or it was decided meanwhile. Nothing was stored.",
)


@require_safe
@never_cache  # one address, two shapes, and a lease in each
@login_required
@not_found_is_404
def review_desk(request: HttpRequest, organization: str, persona: str) -> HttpResponse:
    """One item to label: the whole page, or for htmx only what changes from one item to the next."""
    tester, chosen = at_desk(request, organization, persona)
    if tester.status == TesterStatus.INVITED:
        return redirect("review_consent", organization=organization)
    now = timezone.now()
    try:
        example = services.lease_next_example(tester=tester, persona=chosen, now=now)
    except FlywheelError as error:
        return render(
            request, "contributions/home.html", {"testers": [tester], "desks": [], "error": error}, status=403
        )
    context = surroundings(tester, chosen, empty=example is None, now=now)
    return _show(request, context | (item(tester, chosen, example, now=now) if example else {}))


@require_POST
@login_required
@not_found_is_404
def review_label(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Store the label; the desk then shows the next item, or the same one with what was wrong.

    Nothing that was typed is lost: what a form has wrong is shown in it again, and what came too late can be copied.
    """
    tester, chosen = at_desk(request, organization, persona)
    labelled, now = example_of(chosen, example), timezone.now()
    try:
        services.save_answer(
            tester=tester,
            example=labelled,
            payload=task_of(chosen).read_form(request.POST),
            rating=_rating(request),
            start=request.POST.get("start", ""),
            now=now,
        )
    except InvalidInput as error:
        return _ask_again(request, tester, chosen, labelled, error)
    except Conflict as error:
        return _too_late(request, tester, chosen, error)
    except FlywheelError as error:
        messages.error(request, str(error))
    return redirect(desk_url(tester, chosen))


def _ask_again(
    request: HttpRequest, tester: Tester, persona: Persona, example: TrainingExample, error: InvalidInput
) -> HttpResponse:
    now = timezone.now()
    if not queries.may_read(tester=tester, example=example, now=now):
        return _too_late(request, tester, persona, GONE)
    shown = item(tester, persona, example, now=now) | queries.read_back(persona=persona, form=request.POST)
    context = surroundings(tester, persona, empty=False, now=now) | shown | {"error": error}
    return _show(request, context, status=400)


def _too_late(request: HttpRequest, tester: Tester, persona: Persona, error: FlywheelError) -> HttpResponse:
    """The next item, and above it what was typed for the one that is gone."""
    now = timezone.now()
    example = services.lease_next_example(tester=tester, persona=persona, now=now)
    context = surroundings(tester, persona, empty=example is None, now=now)
    context |= {"too_late": error, "unsaved": queries.read_back(persona=persona, form=request.POST)["words"]}
    return _show(request, context | (item(tester, persona, example, now=now) if example else {}), status=409)


@require_POST
@login_required
@not_found_is_404
def review_diff(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """What was changed of the model's answer so far, word by word: beside the form, which keeps what was typed."""
    tester, chosen = at_desk(request, organization, persona)
    shown, now = example_of(chosen, example), timezone.now()
    if not queries.may_read(tester=tester, example=shown, now=now):
        raise NotFound("This item is not on your desk.")
    context = item(tester, chosen, shown, now=now) | queries.read_back(persona=chosen, form=request.POST)
    context["diff"] = queries.describe_changes(persona=chosen, example=shown, form=request.POST)
    if _by_htmx(request):
        return render(request, "contributions/_diff.html", context)
    return _show(request, surroundings(tester, chosen, empty=False, now=now) | context)


@require_POST
@login_required
@not_found_is_404
def review_skip(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Leave the item to others, saying why, and go on."""
    return _set_aside(request, services.skip_example, organization, persona, example, said="Skipped: others are asked.")


@require_POST
@login_required
@not_found_is_404
def review_report(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Take the item off every desk until staff have looked, and go on."""
    return _set_aside(
        request, services.report_example, organization, persona, example, said="Reported: staff will look at it."
    )


@require_POST
@login_required
@not_found_is_404
def review_undo(request: HttpRequest, organization: str, persona: str, example: int) -> HttpResponse:
    """Take back what was done last, which was about this item, and show the item with what was said."""
    tester, chosen = at_desk(request, organization, persona)
    now = timezone.now()
    try:
        undone = services.undo_last(tester=tester, persona=chosen, example=example_of(chosen, example), now=now)
    except FlywheelError as error:
        messages.error(request, str(error))
        return redirect(desk_url(tester, chosen))
    if not queries.may_read(tester=tester, example=undone.example, now=now):
        return redirect(desk_url(tester, chosen))
    messages.info(request, "Taken back.")
    shown = item(tester, chosen, undone.example, now=now)
    filled = {"filled": undone.payload} if undone.payload else {}
    return _show(request, surroundings(tester, chosen, empty=False, now=now) | shown | filled)


def _set_aside(
    request: HttpRequest, service: Any, organization: str, persona: str, example: int, *, said: str
) -> HttpResponse:
    tester, chosen = at_desk(request, organization, persona)
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    try:
        service(tester=tester, example=example_of(chosen, example), reason=reason, note=note)
        messages.info(request, said)
    except FlywheelError as error:
        messages.error(request, str(error))
    return redirect(desk_url(tester, chosen))


def _show(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The page, or what htmx puts into it: of an answer that is no success it would show nothing."""
    if _by_htmx(request):
        return render(request, "contributions/_desk.html", context)
    return render(request, "contributions/desk.html", context, status=status)


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _rating(request: HttpRequest) -> int | None:
    rating = request.POST.get("rating", "")
    return int(rating) if rating.isdecimal() and rating.isascii() and len(rating) < 10 else None
