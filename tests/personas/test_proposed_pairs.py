import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django import Settings

from apps.common.audit import SYSTEM
from apps.common.models import AuditEvent
from apps.personas.models import FewShotExample
from apps.personas.queries import Pair, build_messages
from apps.personas.services import add_prompt_version, propose_few_shot_examples, switch_few_shot_examples
from tests.factories import PersonaFactory

pytestmark = pytest.mark.django_db

GREETING, QUESTION = Pair("Hello Mia", "Ahoy!"), Pair("Where is the boat?", "Behind the crane.")


def test_proposed_pairs_wait_for_a_person() -> None:
    persona = PersonaFactory()
    assert propose_few_shot_examples(persona=persona, pairs=[GREETING, QUESTION], origin="upload 1", by=SYSTEM) == 2
    stored = FewShotExample.objects.order_by("position").values_list("position", "pattern_type", "origin", "is_active")
    assert list(stored) == [(0, "greeting", "upload 1", False), (1, "question", "upload 1", False)]
    assert build_messages(persona=persona, prompt=None, messages=[]) == []


def test_proposing_again_replaces_what_nobody_took() -> None:
    persona = PersonaFactory()
    propose_few_shot_examples(persona=persona, pairs=[GREETING, QUESTION], origin="upload 1", by=SYSTEM)
    kept = FewShotExample.objects.filter(pattern_type="question")
    assert switch_few_shot_examples(examples=list(kept), on=True, by=SYSTEM) == 1
    assert propose_few_shot_examples(persona=persona, pairs=[GREETING, QUESTION], origin="upload 1", by=SYSTEM) == 1
    propose_few_shot_examples(persona=persona, pairs=[GREETING], origin="upload 2", by=SYSTEM)
    stored = FewShotExample.objects.order_by("position").values_list("user_message", "origin", "is_active")
    assert list(stored) == [
        ("Where is the boat?", "upload 1", True),
        ("Hello Mia", "upload 1", False),
        ("Hello Mia", "upload 2", False),
    ]


def test_a_pair_is_switched_once() -> None:
    persona = PersonaFactory()
    propose_few_shot_examples(persona=persona, pairs=[GREETING], origin="upload 1", by=SYSTEM)
    (example,) = FewShotExample.objects.select_related("persona")
    assert [switch_few_shot_examples(examples=[example], on=on, by=SYSTEM) for on in (True, True, False)] == [1, 0, 1]
    assert AuditEvent.objects.filter(verb__startswith="switched").count() == 2


def test_what_people_said_is_sealed_where_a_key_is_set(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    persona = PersonaFactory()
    propose_few_shot_examples(persona=persona, pairs=[GREETING], origin="upload 1", by=SYSTEM)
    add_prompt_version(persona=persona, system_prompt="You say ahoy.", by=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_message, assistant_message FROM personas_fewshotexample")
        stored = [text for row in cursor.fetchall() for text in row]
        cursor.execute("SELECT system_prompt FROM personas_promptversion")
        stored += [text for row in cursor.fetchall() for text in row]
    assert [text[:7] for text in stored] == ["fernet:"] * 3
    assert FewShotExample.objects.get().assistant_message == "Ahoy!"
