"""What a turn came to: as one JSON object, and as one table."""

from dataclasses import dataclass
from typing import Any

from apps.common.money import format_money
from apps.custom_models.models import CustomModel, Evaluation, EvaluationArm, FineTuneJob
from apps.datasets.models import TrainingDataset
from apps.payouts.management.turn.steps import Answered, EarningsPage
from apps.payouts.models import RevenueDay, Share
from apps.payouts.queries import explain_share


@dataclass(frozen=True)
class Report:
    examples: int
    dataset: TrainingDataset
    job: FineTuneJob
    evaluation: Evaluation
    answered: Answered
    revenue: list[RevenueDay]
    earnings: list[EarningsPage]
    problems: list[str]

    @property
    def model(self) -> CustomModel:
        return self.evaluation.candidate

    def arm(self, *, custom: bool) -> EvaluationArm:
        return self.evaluation.arms.get(custom_model__isnull=not custom)

    def shares(self) -> list[Share]:
        return list(
            Share.objects.filter(revenue_day__in=self.revenue)
            .select_related("tester", "revenue_day__persona", "revenue_day__custom_model")
            .order_by("-amount_micros")
        )


def as_json(report: Report) -> dict[str, Any]:
    """The outside contract of ``demo --json``: exactly these keys."""
    job, dataset = report.job, report.dataset
    return {
        "examples": report.examples,
        "dataset": {
            "id": dataset.pk,
            "name": dataset.name,
            "training": dataset.training_count,
            "validation": dataset.validation_count,
            "training_tokens": dataset.training_tokens,
            "training_sha256": dataset.training_sha256,
        },
        "job": {
            "id": job.pk,
            "provider_job_id": job.provider_job_id,
            "status": job.status,
            "fine_tuned_model": job.fine_tuned_model,
            "version": report.model.number,
            "estimated_tokens": job.estimated_tokens,
            "trained_tokens": job.trained_tokens,
            "estimated_cost_micros": job.estimated_cost_micros,
            "actual_cost_micros": job.actual_cost_micros,
            "currency": job.currency,
        },
        "base_accuracy": report.arm(custom=False).accuracy,
        "custom_accuracy": report.arm(custom=True).accuracy,
        "test_size": report.evaluation.test_size,
        "responses": report.answered.by_model.total(),
        "feedback": report.answered.feedback.total(),
        "revenue_micros": sum(day.revenue_micros for day in report.revenue),
        "shares": [
            {
                "tester": share.tester.display_name,
                "items": share.items,
                "weight": share.weight,
                "amount_micros": share.amount_micros,
                "currency": share.currency,
                "explanation": explain_share(share),
            }
            for share in report.shares()
        ],
        "invariants_ok": not report.problems,
    }


def as_table(report: Report) -> list[tuple[str, str]]:
    """Rows of (what, how much); an empty first column continues the row above."""
    job, dataset = report.job, report.dataset
    rows = [
        ("Examples", f"{report.examples:,} labelled and accepted"),
        ("Dataset", f"{dataset.training_count:,} training + {dataset.validation_count:,} validation rows, frozen"),
        ("Training tokens", f"{dataset.training_tokens:,} in the file, {job.trained_tokens or 0:,} trained"),
        ("Cost", f"{_cost(job.estimated_cost_micros, job)} estimated, {_cost(job.actual_cost_micros, job)} actual"),
        ("Base model", _accuracy(report.arm(custom=False))),
        ("Custom model", _accuracy(report.arm(custom=True))),
    ]
    rows += _continued("Answers", [f"{n} by {name}" for name, n in report.answered.by_model.items()])
    rows += _continued("Feedback", [f"{n} {kind}" for kind, n in report.answered.feedback.items()])
    rows += _continued(
        "Revenue",
        [f"{format_money(day.revenue_micros, day.currency)} by {day.run_count} runs" for day in report.revenue],
    )
    for share in report.shares():
        rows.append((share.tester.display_name, format_money(share.amount_micros, share.currency)))
        rows.append(("", explain_share(share)))
    rows += _continued("Earnings pages", [_earned(page) for page in report.earnings])
    rows += _continued("Invariants", report.problems or ["ledger, contributions and lineage agree"])
    return rows


def _continued(name: str, values: list[str]) -> list[tuple[str, str]]:
    return [(name if index == 0 else "", value) for index, value in enumerate(values or ["none"])]


def _earned(page: EarningsPage) -> str:
    amounts = [
        f"{format_money(earned.total_micros, earned.currency)} in all, "
        f"{format_money(earned.this_month_micros, earned.currency)} this month"
        for earned in page.currencies
    ]
    return f"{page.tester.display_name}: {'; '.join(amounts) or 'nothing yet'}"


def _cost(micros: int | None, job: FineTuneJob) -> str:
    return "unknown" if micros is None else format_money(micros, job.currency)


def _accuracy(arm: EvaluationArm) -> str:
    low, high = 100 * (arm.interval_low or 0), 100 * (arm.interval_high or 0)
    return (
        f"{arm.model_name}: {100 * (arm.accuracy or 0):.1f} % right of {arm.answered:,} "
        f"(95 % interval {low:.1f}-{high:.1f} %)"
    )
