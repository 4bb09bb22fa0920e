"""How the turn talks to Flywheel: as any customer does, by HTTP with an API key, but without a socket."""

from typing import Any

import httpx2
import openai
from django.conf import settings

from apps.common.errors import FlywheelError
from apps.providers.adapters.embedded import embedded_transport

BASE_URL = f"https://{settings.EMBEDDED_HOST}"


def openai_client(*, api_key: str) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=api_key,
        base_url=f"{BASE_URL}/v1",
        http_client=openai.DefaultHttpx2Client(transport=embedded_transport()),
    )


def post_json(path: str, body: dict[str, Any], *, api_key: str) -> dict[str, Any]:
    """POST to our API; the decoded answer, or the error it answered with."""
    with httpx2.Client(transport=embedded_transport(), base_url=BASE_URL) as client:
        response = client.post(path, json=body, headers={"Authorization": f"Bearer {api_key}"})
    answer: dict[str, Any] = response.json()
    if response.is_error:
        error = answer["error"]
        raise FlywheelError(error["message"], resolution=error.get("resolution", ""), code=error["code"])
    return answer
