"""What goes over the wire beside the answer: events, and the headers that say what happened."""

import json
from typing import Any

from apps.chat.services.calls import Call
from apps.chat.services.routing import Target

DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event. ASCII, because a model's words may hold half a surrogate pair, which UTF-8 cannot."""
    return b"data: " + json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n\n"


def answer_headers(*, call: Call, target: Target, is_fallback: bool) -> dict[str, str]:
    headers = {
        "x-flywheel-response": call.public_id,
        "x-flywheel-model": target.name,
        "x-flywheel-version": str(target.custom_model.number) if target.custom_model else "base",
        "x-flywheel-fallback": "true" if is_fallback else "false",
    }
    if call.prompt:
        headers["x-flywheel-prompt-version"] = str(call.prompt.number)
    if call.route.variant:
        headers["x-flywheel-variant"] = str(call.route.variant.pk)
    return headers
