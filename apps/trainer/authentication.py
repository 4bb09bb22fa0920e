from django.http import HttpRequest

from apps.common.embedded import read_trainer_account
from apps.common.errors import NotAuthenticated
from apps.trainer.models import Account


def account_of(request: HttpRequest) -> Account:
    """Whose key the request carries as `Authorization: Bearer`; NotAuthenticated when it carries none of ours."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated(
            "You didn't provide an API key.",
            resolution="Send it as `Authorization: Bearer KEY`; `manage.py trainer_key ACCOUNT` prints one.",
        )
    account = read_trainer_account(key=key.strip())
    if account is None:
        raise NotAuthenticated(
            "Incorrect API key provided.",
            resolution="`manage.py trainer_key ACCOUNT` prints one that fits.",
            code="invalid_api_key",
        )
    return Account(account)
