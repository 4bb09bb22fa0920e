"""Structured task runs: input in, parsed output, a price on record."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from apps.chat.enums import ResponseKind, ResponseStatus
from apps.chat.models import Response
from apps.chat.queries import find_run, parse_output
from apps.chat.services.calls import Call, Message, Outcome, prepare_call
from apps.chat.services.completions import ask_model, outcome_of
from apps.chat.services.records import keep_response
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.personas.models import Persona
from apps.personas.queries import question_messages, task_of


def run_task(
    *,
    persona: Persona,
    input: dict[str, Any],
    by: Actor,
    now: datetime,
    customer: str = "",
    paid: bool = True,
    unit: str = "",
    idempotency_key: str = "",
    kind: str = "",
) -> Response:
    """Run the persona's task on one input and store the answer with the persona's price (UX1).

    `kind` is what the answer is an example of (PB1), the task's first unless given.

    InvalidInput names the field that the task cannot use; ProviderError when no model answered. An answer that does
    not parse is stored with status unparsed and costs the customer nothing: it is no use to them.

    One `idempotency_key` makes one charged run: asked again, the stored run is the answer (Conflict if the question is
    another one). A run that no model answered does not use its key up.
    """
    clean = task_of(persona).clean_input(input)
    messages = question_messages(persona=persona, data=clean)
    earlier = find_run(organization=persona.organization, idempotency_key=idempotency_key)
    if earlier is not None:
        return _same_run(earlier, persona=persona, messages=messages, customer=customer)
    call = prepare_call(
        persona=persona,
        messages=messages,
        by=by,
        now=now,
        kind=ResponseKind.RUN,
        unit=unit or customer,
        customer=customer,
        tags={"kind": kind} if kind else {},
        example_input=clean,
    )
    outcome = outcome_of(call, ask_model(call))
    price = persona.price_per_run_micros if paid else 0
    if parse_output(persona=persona, output=outcome.output) is None:
        outcome, price = replace(outcome, status=ResponseStatus.UNPARSED), 0
    return _keep_run(call, outcome, price_micros=price, idempotency_key=idempotency_key)


def _keep_run(call: Call, outcome: Outcome, *, price_micros: int, idempotency_key: str) -> Response:
    try:
        return keep_response(call=call, outcome=outcome, price_micros=price_micros, idempotency_key=idempotency_key)
    except IntegrityError:
        earlier = find_run(organization=call.persona.organization, idempotency_key=idempotency_key)
        if earlier is None:
            raise
    # Two at once asked a model; the first one's answer is the run, and what the second cost stays on record, unpriced.
    keep_response(call=call, outcome=outcome)
    return _same_run(earlier, persona=call.persona, messages=call.messages, customer=call.customer)


def _same_run(earlier: Response, *, persona: Persona, messages: list[Message], customer: str) -> Response:
    if (earlier.persona_id, earlier.messages, earlier.customer) != (persona.pk, messages, customer):
        raise Conflict(
            "This Idempotency-Key was used for another run.",
            resolution="Use a new key for each run, and the same one only to repeat it.",
            code="idempotency_key_used",
            param="Idempotency-Key",
        )
    return earlier
