from django.apps import AppConfig


class ContributionsConfig(AppConfig):
    name = "apps.contributions"
    verbose_name = "Contributions"
