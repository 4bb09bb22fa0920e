"""What each tester has taught each persona (UX8), kept as totals and always re-derivable from the labels."""

from collections import Counter
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from apps.common.database import hold
from apps.common.money import allocate
from apps.contributions.models import Contribution
from apps.contributions.queries import count_agreeing_labels
from apps.personas.models import Persona

WEIGHT_UNITS = 100_000_000  # a weight has eight decimals


@transaction.atomic
def recount_contributions(*, persona: Persona) -> None:
    """Derive the totals anew from the labels. Repairs whatever `find_contribution_drift` names."""
    hold(persona)
    _store(persona, count_agreeing_labels(persona=persona))


def add_to_contributions(*, persona: Persona, agreeing: Counter[int]) -> None:
    """Add newly agreeing labels, counted by tester id. The caller's transaction holds the persona."""
    rows = Contribution.objects.filter(persona=persona).values_list("tester_id").order_by()
    known = rows.annotate(completed=Sum("training_tests_completed"))
    _store(persona, Counter(dict(known)) + agreeing)


def _store(persona: Persona, totals: Counter[int]) -> None:
    """Write totals and weights; the weights of a persona's testers add up to exactly 1, or to 0 if nobody taught it."""
    gone = Contribution.objects.filter(persona=persona).exclude(tester__in=totals, currency=persona.currency)
    gone.update(training_tests_completed=0, contribution_weight=0)
    shares = allocate(WEIGHT_UNITS, totals)
    Contribution.objects.bulk_create(
        [
            Contribution(
                organization_id=persona.organization_id,
                persona=persona,
                tester_id=tester,
                training_tests_completed=count,
                contribution_weight=Decimal(shares[tester]) / WEIGHT_UNITS,
                currency=persona.currency,
            )
            for tester, count in sorted(totals.items())
        ],
        update_conflicts=True,
        unique_fields=["tester", "persona", "currency"],
        update_fields=["training_tests_completed", "contribution_weight", "updated_at"],
    )
