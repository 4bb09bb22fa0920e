from django.apps import AppConfig


class CustomModelsConfig(AppConfig):
    name = "apps.custom_models"
    verbose_name = "Custom models"
