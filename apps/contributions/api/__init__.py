from apps.contributions.api.examples import ExampleViewSet
from apps.contributions.api.references import RandomReferenceAnswer, ReferenceAnswers
from apps.contributions.api.statistics import StatisticsView
from apps.contributions.api.uploads import UploadViewSet

__all__ = ["ExampleViewSet", "RandomReferenceAnswer", "ReferenceAnswers", "StatisticsView", "UploadViewSet"]
