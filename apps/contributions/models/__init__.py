"""Everything that comes in: one module per noun."""

from apps.contributions.models.duplicates import DuplicateSearch
from apps.contributions.models.examples import TrainingExample, TrainingExampleQuerySet
from apps.contributions.models.labels import GoldAnswer, Label, Skip
from apps.contributions.models.privacy import ProtectedName, Withdrawal
from apps.contributions.models.references import ReferenceAnswer
from apps.contributions.models.testers import Tester
from apps.contributions.models.totals import Contribution
from apps.contributions.models.uploads import Upload

__all__ = [
    "Contribution",
    "DuplicateSearch",
    "GoldAnswer",
    "Label",
    "ProtectedName",
    "ReferenceAnswer",
    "Skip",
    "Tester",
    "TrainingExample",
    "TrainingExampleQuerySet",
    "Upload",
    "Withdrawal",
]
