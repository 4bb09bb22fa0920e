from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.decorators import display

from apps.common.admin import as_written, in_full, link_to, preview, without_braces
from apps.common.money import format_money
from apps.custom_models.models import EvaluationAnswer
from apps.organizations.scoped_admin import ReadOnlyAdmin

OF_EVALUATION = "arm__evaluation__id__exact"  # narrows the list to one evaluation; pages link with it
WHOLE = 1  # the score of an answer that is right
SHOWN_CHARACTERS = 100
VERDICT = {"Right": "success", "Partly right": "warning", "Wrong": "danger"}


class ModelFilter(admin.SimpleListFilter):
    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("version", "Version"), ("base", "Base model")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = {"version": False, "base": True}.get(self.value() or "")
        return queryset if asked is None else queryset.filter(arm__custom_model__isnull=asked)


class CorrectFilter(admin.SimpleListFilter):
    title = "correct"
    parameter_name = "correct"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Right"), ("no", "Not right")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions = {"yes": Q(score__gte=WHOLE), "no": Q(score__lt=WHOLE)}
        return queryset.filter(conditions.get(self.value() or "", Q()))


class DisagreementFilter(admin.SimpleListFilter):
    """Where one model was right and the other was not: what an evaluation turns on."""

    title = "disagreement"
    parameter_name = "disagreement"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("any", "One was right, the other wrong"), ("gained", "Only the version was right"),
                ("lost", "Only the base model was right")]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_base = Q(arm__custom_model=None)
        won, failed = Q(score__gte=WHOLE, other_score__lt=WHOLE), Q(score__lt=WHOLE, other_score__gte=WHOLE)
        conditions = {
            "any": won | failed,
            "gained": (~is_base & won) | (is_base & failed),
            "lost": (is_base & won) | (~is_base & failed),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


def _other(column: str) -> Subquery:
    """Of what the other model of the same evaluation answered to the same example."""
    same = EvaluationAnswer.objects.filter(example=OuterRef("example"), arm__evaluation=OuterRef("arm__evaluation"))
    return Subquery(same.exclude(arm=OuterRef("arm")).values(column)[:1])


@admin.register(EvaluationAnswer)
class EvaluationAnswerAdmin(ReadOnlyAdmin):
    """What each model answered to each test example, beside what it should have answered."""

    organization_path = "arm__evaluation__organization"
    list_display = ["question", "label", "answered_by", "verdict", "said", "other_said", "evaluation"]
    list_select_related = ["example", "arm__evaluation__candidate__persona", "arm__evaluation__candidate__base_model"]
    list_filter = [ModelFilter, CorrectFilter, DisagreementFilter]
    ordering = ["-pk"]
    fields = [
        "evaluation", "example", "question_in_full", "label_in_full", "answered_by", "verdict", "score",
        "answer_in_full", "other_in_full", "time", "cost",
    ]  # fmt: skip
    readonly_fields = [
        "evaluation", "question_in_full", "label_in_full", "answered_by", "verdict", "answer_in_full", "other_in_full",
        "time", "cost",
    ]  # fmt: skip
    when_empty = "Evaluate a version: what it and its base model answered appears here, test example by test example."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        others = {"other_score": _other("score"), "other_answer": _other("answer")}
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**others)
        return rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == OF_EVALUATION or super().lookup_allowed(lookup, value, request)

    @admin.display(description="test example")
    def question(self, answer: EvaluationAnswer) -> str:
        return preview(answer.example.input)

    @admin.display(description="should answer")
    def label(self, answer: EvaluationAnswer) -> str:
        return preview(answer.example.accepted_label)

    @admin.display(description="model")
    def answered_by(self, answer: EvaluationAnswer) -> str:
        candidate = answer.arm.evaluation.candidate
        return str(candidate) if answer.arm.custom_model_id else f"{candidate.base_model} (base model)"

    @display(description="verdict", ordering="score", label=VERDICT)  # type: ignore[untyped-decorator]
    def verdict(self, answer: EvaluationAnswer) -> str:
        return _verdict(answer.score)

    @admin.display(description="answered")
    def said(self, answer: EvaluationAnswer) -> str:
        return _shortened(answer.answer)

    @admin.display(description="the other model answered")
    def other_said(self, answer: Any) -> str:
        return "-" if answer.other_score is None else _shortened(answer.other_answer)

    @admin.display(description="evaluation", ordering="arm__evaluation")
    def evaluation(self, answer: EvaluationAnswer) -> str:
        evaluation = answer.arm.evaluation
        return link_to(evaluation, evaluation.pk)

    @admin.display(description="test example")
    def question_in_full(self, answer: EvaluationAnswer) -> str:
        return in_full(answer.example.input)

    @admin.display(description="should answer")
    def label_in_full(self, answer: EvaluationAnswer) -> str:
        return in_full(answer.example.accepted_label)

    @admin.display(description="answered")
    def answer_in_full(self, answer: EvaluationAnswer) -> str:
        return as_written(answer.answer)

    @admin.display(description="the other model answered")
    def other_in_full(self, answer: Any) -> str:
        if answer.other_score is None:
            return "nothing yet"
        return format_html("{}: {}", _verdict(answer.other_score), as_written(answer.other_answer))

    @admin.display(description="time")
    def time(self, answer: EvaluationAnswer) -> str:
        return f"{answer.latency_ms:,.0f} ms"

    @admin.display(description="cost")
    def cost(self, answer: EvaluationAnswer) -> str:
        return format_money(answer.cost_micros, answer.arm.evaluation.candidate.currency)


def _verdict(score: float) -> str:
    if score >= WHOLE:
        return "Right"
    return "Partly right" if score > 0 else "Wrong"


def _shortened(answer: str) -> str:
    return Truncator(without_braces(answer)).chars(SHOWN_CHARACTERS) or "-"
