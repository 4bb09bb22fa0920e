"""Finding an example although its payloads are encrypted: by its whole question, whose hash is stored, or by an id."""

import json
from collections.abc import Iterator

from django.db.models import Q, QuerySet

from apps.common.errors import InvalidInput
from apps.common.ids import content_hash, is_row_id
from apps.contributions.models import TrainingExample
from apps.personas.tasks import TASKS


def find_examples(*, examples: QuerySet[TrainingExample], words: str) -> QuerySet[TrainingExample]:
    """Those whose question is exactly this, in the words or the JSON that any task reads it from; or whose own id, or
    the sender's, the response's or the conversation's, it is.
    """
    words = words.strip()
    wanted = Q(client_id=words) | Q(response_id=words) | Q(conversation_ref=words)
    if is_row_id(words):
        wanted |= Q(pk=int(words))
    return examples.filter(wanted | Q(content_hash__in=set(_hashes_of(words))))


def _hashes_of(words: str) -> Iterator[str]:
    """Of the input that each task makes of these words, cleaned as it was when it came in."""
    for task in TASKS:
        for data in (task.read_pair(words)[0], _object(words)):
            try:
                yield content_hash(task.clean_input(data))
            except InvalidInput:
                continue


def _object(words: str) -> dict[str, object]:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
