from collections import Counter
from decimal import Decimal

from django.db.models import Count, Sum

from apps.contributions.models import Contribution, Label
from apps.personas.models import Persona


def count_agreeing_labels(*, persona: Persona) -> Counter[int]:
    """Labels that agree with the accepted one, by tester id: what `training_tests_completed` must be."""
    rows = Label.objects.filter(example__persona=persona, agrees=True).values_list("tester").annotate(count=Count("pk"))
    return Counter(dict(rows.order_by()))


def find_contribution_drift() -> list[str]:
    """Where stored totals differ from what the labels say, one sentence each; empty when all is well."""
    rows = Label.objects.filter(agrees=True).values_list("tester", "example__persona").annotate(count=Count("pk"))
    counted = {(tester, persona): count for tester, persona, count in rows.order_by()}
    totals = Contribution.objects.values_list("tester", "persona").annotate(count=Sum("training_tests_completed"))
    stored = {(tester, persona): count for tester, persona, count in totals.order_by()}
    return [
        f"Tester {tester} has {counted.get((tester, persona), 0)} agreeing labels for persona {persona}, "
        f"but {stored.get((tester, persona), 0)} are stored as completed."
        for tester, persona in sorted(counted.keys() | stored.keys())
        if counted.get((tester, persona), 0) != stored.get((tester, persona), 0)
    ] + _weight_drift()


def _weight_drift() -> list[str]:
    """Weights of a persona's testers add up to 1 once anybody taught it, and to 0 before."""
    sums = Contribution.objects.values_list("persona").annotate(
        weight=Sum("contribution_weight"), completed=Sum("training_tests_completed")
    )
    return [
        f"The weights of persona {persona}'s testers add up to {weight}, not to {1 if completed else 0}."
        for persona, weight, completed in sums.order_by("persona_id")
        if weight != Decimal(1 if completed else 0)
    ]
