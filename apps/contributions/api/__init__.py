from apps.contributions.api.examples import ExampleViewSet
from apps.contributions.api.references import RandomReferenceAnswer, ReferenceAnswers
from apps.contributions.api.statistics import StatisticsView

__all__ = ["ExampleViewSet", "RandomReferenceAnswer", "ReferenceAnswers", "StatisticsView"]
