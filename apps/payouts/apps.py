from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    name = "apps.payouts"
    verbose_name = "Money"
