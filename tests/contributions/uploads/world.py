"""A persona that talks, and files for it."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.common import jobs
from apps.common.audit import SYSTEM, Actor
from apps.contributions import services
from apps.contributions.models import Upload
from apps.personas.models import Persona
from apps.personas.services import write_first_prompt
from tests.factories import NOW, PersonaFactory

SAMPLE = settings.BASE_DIR / "apps/contributions/sample/conversations.txt"
COFFEE = Path("/work/shared/data/conversations/coffee-orders.jsonl")
TALK = """\
Ada: What do you do when the dough does not rise at all?
Bot: Then I put it beside the oven and tell it to take its time.
Ada: Could I bake the bread tonight and eat it tomorrow?
Bot: You could, and it would be better for having slept a night.
"""


def make_persona(**given: Any) -> Persona:
    persona: Persona = PersonaFactory(**{"task": "conversation", "settings": {}, "name": "Nora", **given})
    write_first_prompt(persona=persona, by=SYSTEM)
    return persona


def receive(
    persona: Persona, content: str | bytes = TALK, *, name: str = "talk.txt", by: Actor = SYSTEM, **given: Any
) -> Upload:
    data = content.encode() if isinstance(content, str) else content
    received = services.receive_upload(persona=persona, file=io.BytesIO(data), name=name, by=by, **given)
    return received.upload


def process(upload: Upload, now: datetime = NOW) -> Upload:
    return services.process_upload(upload=upload, now=now)


def work(upload: Upload) -> Upload:
    """Let the worker do what is queued."""
    jobs.drain()
    upload.refresh_from_db()
    return upload
