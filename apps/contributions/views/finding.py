"""Whose desk an address means, and that nobody else's is there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from apps.common.errors import NotFound
from apps.contributions import queries
from apps.contributions.models import Tester, TrainingExample
from apps.organizations.accounts import signed_in_user
from apps.personas.models import Persona
from apps.personas.queries import get_persona

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def not_found_is_404(view: V) -> V:
    """A page that is not there, or not this person's, is a 404 like any other."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except NotFound as error:
            raise Http404(str(error)) from None

    return wrapped  # type: ignore[return-value]  # what wraps a view is called as the view is


def at_desk(request: HttpRequest, organization: str, persona: str) -> tuple[Tester, Persona]:
    """Who reads, and for which persona; NotFound for strangers."""
    tester = queries.get_tester(user=signed_in_user(request), organization_slug=organization)
    return tester, get_persona(organization=tester.organization, slug=persona)


def example_of(persona: Persona, pk: int) -> TrainingExample:
    """The persona's example; NotFound for any other."""
    example = TrainingExample.objects.filter(persona=persona, pk=pk).first()
    if example is None:
        raise NotFound("There is no such example.")
    example.persona = persona
    return example


def desk_url(tester: Tester, persona: Persona) -> str:
    return reverse("review_desk", args=[tester.organization.slug, persona.slug])
