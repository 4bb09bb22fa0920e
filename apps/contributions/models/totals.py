from django.db import models

from apps.contributions.models.testers import Tester
from apps.organizations.enums import Currency
from apps.organizations.models import OrganizationOwned, OrganizationQuerySet
from apps.personas.models import Persona


class Contribution(OrganizationOwned):
    """Totals of a tester for a persona (UX8). Re-derivable from labels and ledger: `check_invariants` compares.

    One row for each currency that the persona ever charged in. What was earned is each row's own; tests and weight
    stand in the row of the currency it charges in now, so that every column can be summed.
    """

    tester = models.ForeignKey(Tester, on_delete=models.PROTECT, related_name="contributions")
    persona = models.ForeignKey(Persona, on_delete=models.PROTECT, related_name="contributions")
    training_tests_completed = models.PositiveIntegerField(default=0)  # labels that agree with the accepted one
    contribution_weight = models.DecimalField(
        max_digits=9, decimal_places=8, default=0
    )  # share among the persona's testers
    earned_micros = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.EUR)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "ai_training_contributions"
        constraints = [
            models.UniqueConstraint(fields=["tester", "persona", "currency"], name="one_contribution_per_currency")
        ]

    def __str__(self) -> str:
        return f"{self.tester} for {self.persona}"
