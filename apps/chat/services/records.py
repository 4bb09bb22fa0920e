"""Writing down what happened: the response row with its cost, the captured example, the observation of a test."""

from django.db import transaction

from apps.abtests.enums import ModelType
from apps.abtests.services import record_observation
from apps.chat.enums import ResponseStatus
from apps.chat.models import Response
from apps.chat.services.calls import Call, Outcome
from apps.chat.services.capture import capture_answer
from apps.chat.services.routing import NobodyAnswered
from apps.providers.queries import answer_prices


def _new_response(*, call: Call, outcome: Outcome, price_micros: int, idempotency_key: str) -> Response:
    target, usage = outcome.target, outcome.usage
    prices = answer_prices(base_model=target.base_model, tuned=target.custom_model is not None, day=call.now.date())
    return Response(
        organization=call.persona.organization,
        public_id=call.public_id,
        persona=call.persona,
        conversation=call.conversation,
        kind=call.kind,
        status=outcome.status,
        custom_model=target.custom_model,
        base_model=target.base_model,
        model_name=target.name,
        prompt_version=call.prompt,
        variant=call.route.variant,
        is_fallback=bool(outcome.failures),
        routing_reason="; ".join([call.route.reason, *outcome.failures]),
        messages=call.messages,
        output=outcome.output,
        error_code=outcome.error_code[:100],
        finish_reason=outcome.finish_reason[:20],
        prompt_tokens=usage.prompt,
        cached_tokens=usage.cached,
        completion_tokens=usage.completion,
        tokens_are_counted=usage.counted,
        input_price=prices.input,
        cached_input_price=prices.cached_input,
        output_price=prices.output,
        cost_micros=prices.cost_of(prompt=usage.prompt, cached=usage.cached, completion=usage.completion),
        cost_currency=prices.currency,
        latency_ms=outcome.latency_ms,
        first_token_ms=outcome.first_token_ms,
        price_micros=price_micros,
        price_currency=call.persona.currency,
        share_rate=call.persona.revenue_share_rate,
        customer=call.customer,
        idempotency_key=idempotency_key,
        unit=call.unit,
        tags=call.tags,
        called_by=call.by.audit_name,
    )


def keep_response(*, call: Call, outcome: Outcome, price_micros: int = 0, idempotency_key: str = "") -> Response:
    """Store the answer, capture it as an example and observe it for a running test: all of it or nothing.

    IntegrityError if `idempotency_key` was used meanwhile; nothing else is refused: by now a model was asked, and what
    it cost must be on record.
    """
    response = _new_response(call=call, outcome=outcome, price_micros=price_micros, idempotency_key=idempotency_key)
    with transaction.atomic():
        response.save(force_insert=True)
        if outcome.status in ResponseStatus.answered():
            capture_answer(call=call, response=response)
        if call.route.variant is not None:
            record_observation(
                variant=call.route.variant,
                unit=call.unit,
                response_id=call.public_id,
                model_type=ModelType.CUSTOM if outcome.target.custom_model else ModelType.BASE,
                response_time_ms=outcome.latency_ms,
            )
    return response


def keep_failure(*, call: Call, nobody: NobodyAnswered) -> Response:
    """Store that every model failed: an error rate that is not on record cannot be seen."""
    outcome = Outcome(
        target=nobody.target,
        status=ResponseStatus.FAILED,
        latency_ms=call.elapsed_ms(),
        failures=nobody.failures,
        error_code=nobody.error.code,
    )
    return keep_response(call=call, outcome=outcome)
