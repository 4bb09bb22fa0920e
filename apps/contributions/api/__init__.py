from apps.contributions.api.examples import ExampleViewSet

__all__ = ["ExampleViewSet"]
