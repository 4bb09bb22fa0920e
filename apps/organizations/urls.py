"""The pages of signing in, one by one.

The sign-in package's own list would let whoever is signed in add an address that is not theirs and set a password:
they would be in before somebody else is invited by that address.
"""

from allauth.account import views
from django.urls import path

account_urls = [
    path("login/", views.login, name="account_login"),
    path("login/code/", views.request_login_code, name="account_request_login_code"),
    path("login/code/confirm/", views.confirm_login_code, name="account_confirm_login_code"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),  # closed; a mail to an unknown address leads here
]
