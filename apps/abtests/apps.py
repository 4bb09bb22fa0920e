from django.apps import AppConfig


class AbtestsConfig(AppConfig):
    name = "apps.abtests"
    verbose_name = "A/B tests"
