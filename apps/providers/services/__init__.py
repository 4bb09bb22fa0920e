from apps.providers.services.base_models import change_base_model, create_base_model
from apps.providers.services.catalogue import add_price, load_catalogue
from apps.providers.services.credentials import change_credential, create_credential

__all__ = [
    "add_price",
    "change_base_model",
    "change_credential",
    "create_base_model",
    "create_credential",
    "load_catalogue",
]
