"""Where staff decide: the page of one example that waits for them, the way to the next, and gold items."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from apps.common.admin import refusals_shown
from apps.common.errors import FlywheelError, InvalidInput
from apps.contributions import queries, services
from apps.contributions.enums import ExampleStatus
from apps.contributions.models import TrainingExample
from apps.organizations.scoped_admin import ScopedAdmin, acting_user
from apps.personas.queries import task_of


class DecidesExamples(ScopedAdmin):
    """For the list of examples."""

    @action(description="Decide what waits", permissions=["write"], url_path="resolve", icon="gavel")  # type: ignore[untyped-decorator]
    def resolve_next(self, request: HttpRequest) -> HttpResponseBase:
        """The next example that testers disagree on or have reported, after the one of ``?after=``."""
        user, after = acting_user(request), request.GET.get("after", "")
        case = queries.next_case(user=user, after=int(after) if after.isdecimal() and len(after) < 18 else 0)
        if case is not None:
            return _page_of(case)
        return render(request, "contributions/admin/nothing_to_resolve.html")

    @action(description="Decide", permissions=["write"], url_path="resolve")  # type: ignore[untyped-decorator]
    def resolve_this(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        example = self.only(request, object_id).select_related("persona__organization").get()
        again: dict[str, Any] = {}
        if request.method == "POST":
            try:
                messages.success(request, _act(request, example))
                return HttpResponseRedirect(
                    reverse("admin:contributions_trainingexample_resolve_next", query={"after": example.pk})
                )
            except FlywheelError as error:
                again = queries.read_back(persona=example.persona, form=request.POST) | {"refusal": error}
                again |= {"error": error} if request.POST.get("act") == "write" else {}
        context = self._context(request, example) | again
        return render(request, "contributions/admin/resolve.html", context, status=400 if again else 200)

    def _context(self, request: HttpRequest, example: TrainingExample) -> dict[str, Any]:
        return {
            **queries.describe_item(persona=example.persona, example=example),
            "persona": example.persona,
            "case": queries.describe_case(example=example),
            "waiting": queries.count_cases(user=acting_user(request)),
            "undecided": example.status in ExampleStatus.undecided(),
            "reopenable": example.status in (ExampleStatus.ACCEPTED, ExampleStatus.REJECTED),
        }

    @admin.action(description="Use as gold items", permissions=["write"])
    def mark_gold(self, request: HttpRequest, queryset: QuerySet[TrainingExample]) -> None:
        with refusals_shown(request):
            marked = services.mark_gold(examples=list(queryset), by=acting_user(request), now=timezone.now())
            messages.success(request, f"{marked:,} gold item{pluralize(marked)}: testers are measured by them.")

    @admin.action(description="Use as gold items no more", permissions=["write"])
    def unmark_gold(self, request: HttpRequest, queryset: QuerySet[TrainingExample]) -> None:
        unmarked = services.unmark_gold(examples=list(queryset), by=acting_user(request), now=timezone.now())
        messages.success(request, f"{unmarked:,} example{pluralize(unmarked)} no longer shown as gold items.")


def _page_of(example: TrainingExample) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:contributions_trainingexample_resolve_this", args=[example.pk]))


def _act(request: HttpRequest, example: TrainingExample) -> str:
    """Do what the button says; what was done, in a sentence. InvalidInput or Conflict if it cannot be."""
    by, now, form = acting_user(request), timezone.now(), request.POST
    match form.get("act"):
        case "choose" | "write" as act:
            payload = _chosen(request, example) if act == "choose" else task_of(example.persona).read_form(form)
            services.resolve_example(example=example, payload=payload, by=by, now=now)
            return f"Example {example.pk} is accepted."
        case "reject":
            services.reject_example(example=example, by=by, now=now, reason=_reason(request))
            return f"Example {example.pk} is rejected: no dataset will contain it."
        case "let_stand":
            services.resolve_reports(example=example, by=by, now=now, note=form.get("note", ""))
            return f"Example {example.pk} stays: what was reported is settled."
        case "reopen":
            services.reopen_example(example=example, by=by, now=now)
            return f"Example {example.pk} is open again."
    raise InvalidInput("That is nothing that can be done here.", resolution="Use one of the buttons.")


def _chosen(request: HttpRequest, example: TrainingExample) -> dict[str, Any]:
    payload = queries.describe_case(example=example).chosen(request.POST.get("label", ""))
    if payload is None:
        raise InvalidInput("label: choose one of those that were given.", resolution="Or write another.", param="label")
    return payload


def _reason(request: HttpRequest) -> str:
    if reason := request.POST.get("reason", "").strip():
        return reason
    raise InvalidInput("reason: say why.", resolution="It is kept in the audit log.", param="reason")
