from apps.contributions.api.examples import ExampleViewSet
from apps.contributions.api.references import RandomReferenceAnswer, ReferenceAnswers

__all__ = ["ExampleViewSet", "RandomReferenceAnswer", "ReferenceAnswers"]
