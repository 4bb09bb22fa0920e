from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from apps.abtests import services
from apps.abtests.admin.forms import NewABTestForm
from apps.abtests.models import ABTest, Observation, Variant
from apps.common.admin import confirm, is_confirmed, refusals_shown
from apps.organizations.scoped_admin import ReadOnlyAdmin, ScopedInline, acting_user

STATUS_COLOURS = {"Draft": "info", "Running": "warning", "Completed": "success", "Stopped": "danger"}


class VariantInline(ScopedInline):
    model = Variant
    fields = ["name", "custom_model", "weight", "observation_count"]
    readonly_fields = ["observation_count"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        counted = Observation.objects.filter(variant=OuterRef("pk")).values("variant").annotate(n=Count("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(observed=Subquery(counted.values("n")))
        return rows.select_related("custom_model__persona")

    @admin.display(description="observations")
    def observation_count(self, variant: Any) -> str:
        return f"{variant.observed or 0:,}"


@admin.register(ABTest)
class ABTestAdmin(ReadOnlyAdmin):
    """A draft is made with its two variants at once; from then on only *Start* and *Stop* change it."""

    list_display = ["name", "persona", "status_badge", "variant_names", "duration_days", "started_at", "ended_at"]
    list_select_related = ["persona"]
    list_filter = ["status"]
    search_fields = ["name"]
    ordering = ["-pk"]
    when_empty = (
        "A test sends part of a persona's traffic to another version, and the same user always to the same one."
    )
    add_words = "Plan a test"
    fields = ["name", "persona", "status_badge", "duration_days", "started_at", "started_by", "ended_at"]
    readonly_fields = ["status_badge"]
    add_fields = ["persona", "name", "first", "second", "second_weight", "duration_days"]
    actions = ["start", "stop"]

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, abtest: ABTest) -> str:
        return abtest.get_status_display()

    @admin.display(description="variants")
    def variant_names(self, abtest: ABTest) -> str:
        return ", ".join(f"{variant.name} {variant.weight} %" for variant in abtest.variants.all())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).prefetch_related("variants")
        return rows

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_write_permission(request)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [VariantInline] if obj else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form = super().get_form(request, obj, change, form=NewABTestForm, **{**kwargs, "fields": self.add_fields})
        return type("NewABTestForm", (form,), {"user": acting_user(request)})

    def save_model(self, request: HttpRequest, obj: ABTest, form: NewABTestForm, change: bool) -> None:
        abtest = services.create_abtest(
            persona=obj.persona,
            name=obj.name,
            variants=form.variants,
            duration_days=obj.duration_days,
            by=acting_user(request),
        )
        obj.pk = abtest.pk

    @admin.action(description="Start", permissions=["write"])
    def start(self, request: HttpRequest, queryset: QuerySet[ABTest]) -> HttpResponse | None:
        warning = "From now on each user sees one of the variants."
        return self._change_each(request, queryset, services.start_abtest, "Start", warning, "runs")

    @admin.action(description="Stop", permissions=["write"])
    def stop(self, request: HttpRequest, queryset: QuerySet[ABTest]) -> HttpResponse | None:
        warning = "A stopped test cannot be started again. The live version answers everybody."
        return self._change_each(request, queryset, services.stop_abtest, "Stop", warning, "is stopped")

    def _change_each(
        self,
        request: HttpRequest,
        abtests: QuerySet[ABTest],
        service: Callable[..., ABTest],
        verb: str,
        warning: str,
        done: str,
    ) -> HttpResponse | None:
        """Ask first, then hand each test to the service; `verb` is the button's word."""
        if not is_confirmed(request):
            return confirm(
                self, request, abtests, action=verb.lower(), title=f"{verb} these tests?", facts=_facts(abtests),
                warning=warning, button=verb,
            )  # fmt: skip
        for abtest in abtests:
            with refusals_shown(request, about=abtest):
                service(abtest=abtest, by=acting_user(request), now=timezone.now())
                messages.success(request, f"{abtest} {done}.")
        return None


def _facts(abtests: QuerySet[ABTest]) -> list[tuple[str, str]]:
    return [
        (
            f"{abtest} of {abtest.persona}",
            f"{', '.join(f'{v.name} {v.weight} %' for v in abtest.variants.all())}; {abtest.duration_days} days",
        )
        for abtest in abtests
    ]
