from allauth.account.adapter import DefaultAccountAdapter
from django.http import Http404, HttpRequest

from apps.organizations.models import User


class InvitationOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs themselves up: staff invite testers and members."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_code": "This is not the code in the newest e-mail. Look again, letter by letter.",
        "too_many_login_attempts": "You have asked for codes too often. Wait a minute, then try once more.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def signed_in_user(request: HttpRequest) -> User:
    """Whose page it is; for views behind `login_required`, which lets nobody else through."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
