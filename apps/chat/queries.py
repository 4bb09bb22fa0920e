from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from apps.chat.models import TEXTS, Conversation, Response
from apps.common.errors import InvalidInput, NotFound
from apps.organizations.models import Organization
from apps.personas.models import Persona
from apps.personas.queries import facts_of, get_persona, task_of

Row = TypeVar("Row", bound=Model)


def list_personas(*, organization: Organization) -> QuerySet[Persona]:
    """What `/v1/models` offers: the organization's personas that are in use."""
    return Persona.objects.of_organization(organization).filter(is_active=True).select_related("organization")


def find_persona(*, organization: Organization, model: str) -> Persona:
    """The persona behind a `model` parameter; NotFound as OpenAI words it."""
    try:
        return get_persona(organization=organization, slug=model)
    except NotFound:
        raise NotFound(
            f"The model {model!r} does not exist or you do not have access to it.",
            resolution="`model` is the slug of one of your organization's personas: GET /v1/models lists them.",
            code="model_not_found",
            param="model",
        ) from None


def list_conversations(*, organization: Organization) -> QuerySet[Conversation]:
    return Conversation.objects.of_organization(organization).select_related("persona", "organization")


def list_responses(*, organization: Organization) -> QuerySet[Response]:
    return Response.objects.of_organization(organization).select_related("custom_model")


def find_run(*, organization: Organization, idempotency_key: str) -> Response | None:
    runs = Response.objects.of_organization(organization).select_related("custom_model", "persona")
    return runs.filter(idempotency_key=idempotency_key).first() if idempotency_key else None


def with_response(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Rows with the answer that their `response` names, but without its texts, as `Response.objects.without_texts`."""
    return rows.select_related("response").defer(*(f"response__{text}" for text in TEXTS))


def parse_output(*, persona: Persona, output: str) -> dict[str, Any] | None:
    """An answer as the persona's task reads it; None where it does not parse. Derived, so that it is stored once."""
    try:
        return task_of(persona).parse_answer(output, facts_of(persona))
    except InvalidInput:
        return None
