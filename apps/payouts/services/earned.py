"""What the ledger says a tester earned with a persona, copied to `ai_training_contributions` (UX8)."""

from collections.abc import Collection

from apps.common.database import hold
from apps.contributions.models import Contribution
from apps.payouts.queries.earnings import earned_by_ledger
from apps.personas.models import Persona


def recount_earned(*, persona: Persona, testers: Collection[int], currency: str) -> None:
    """Set `earned_micros` to the ledger's sum, whatever it was: counting again never adds twice.

    A tester without a contribution row in `currency`, as whoever was credited by lineage may be, gets one. Inside a
    transaction, like everybody who writes a persona's contributions: they take turns by holding the persona.
    """
    hold(persona)
    Contribution.objects.bulk_create(
        (
            Contribution(organization=persona.organization, persona=persona, tester_id=tester_id, currency=currency)
            for tester_id in testers
        ),
        ignore_conflicts=True,
    )
    rows = Contribution.objects.filter(persona=persona, tester__in=testers, currency=currency)
    rows.update(earned_micros=earned_by_ledger())
