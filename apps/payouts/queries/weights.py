"""The weight rules: who taught what a version knows. Their version is stored with every day that used them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Sum

from apps.contributions.enums import Split
from apps.contributions.models import Contribution
from apps.custom_models.models import CustomModel
from apps.datasets.models import ItemCredit
from apps.payouts.enums import ShareBasis
from apps.personas.models import Persona

LINEAGE_RULE = "lineage-1"
CONTRIBUTIONS_RULE = "contributions-1"


@dataclass(frozen=True)
class Weights:
    """Weight and labelled rows of each tester (by id), and the rule that they come from."""

    basis: ShareBasis
    rule: str
    weight_by_tester: dict[int, int]
    items_by_tester: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.weight_by_tester.values())


def weights_of(*, persona: Persona, custom_model: CustomModel | None) -> Weights:
    """By lineage where the version's training dataset is ours; otherwise by contributions to the persona.

    The otherwise: the base model answered, or a version trained elsewhere and activated by its id.
    """
    if custom_model is not None and custom_model.training_dataset_id is not None:
        return _lineage_weights(dataset_id=custom_model.training_dataset_id)
    return _contribution_weights(persona=persona)


def _lineage_weights(*, dataset_id: int) -> Weights:
    """lineage-1: millionths of training items credited to the tester. Validation items taught the model nothing."""
    credits = ItemCredit.objects.filter(dataset=dataset_id, item__split=Split.TRAIN)
    rows = credits.order_by().values_list("tester").annotate(Sum("weight"), Count("pk"))
    return _weights(ShareBasis.LINEAGE, LINEAGE_RULE, rows)


def _contribution_weights(*, persona: Persona) -> Weights:
    """contributions-1: training tests that the tester completed for the persona (UX8)."""
    done = Contribution.objects.of_organization(persona.organization).filter(persona=persona)
    by_tester = done.values_list("tester").annotate(completed=Sum("training_tests_completed")).order_by()
    rows = [(tester, completed, completed) for tester, completed in by_tester if completed]
    return _weights(ShareBasis.CONTRIBUTIONS, CONTRIBUTIONS_RULE, rows)


def _weights(basis: ShareBasis, rule: str, rows: Iterable[tuple[int, int, int]]) -> Weights:
    by_tester = {tester: (weight, items) for tester, weight, items in rows}
    return Weights(
        basis=basis,
        rule=rule,
        weight_by_tester={tester: weight for tester, (weight, _) in by_tester.items()},
        items_by_tester={tester: items for tester, (_, items) in by_tester.items()},
    )
