from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from apps.chat.models import TEXTS, Conversation, Response, ResponseQuerySet
from apps.common.errors import InvalidInput, NotFound
from apps.contributions.models import TrainingExample
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


def taken_back_with(*, example_ids: Collection[int]) -> ResponseQuerySet:
    """The answers that became these examples, and those after them in the same conversation: their history holds them.

    What `TAKEN_BACK` lets be emptied.
    """
    captured = TrainingExample.objects.filter(pk__in=example_ids).exclude(response_id="")
    own = Response.objects.filter(public_id__in=list(captured.values_list("response_id", flat=True)))
    later = Q(conversation__in=list(own.exclude(conversation=None).values_list("conversation", flat=True)))
    after = Exists(own.filter(conversation=OuterRef("conversation"), pk__lt=OuterRef("pk")))
    return Response.objects.filter(Q(pk__in=own.values("pk")) | (later & Q(after)))


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
