"""An evaluation asks in the words of dataset lines: nothing personal reaches a provider, what was taught is right."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.common.audit import SYSTEM
from apps.contributions.enums import Split
from apps.contributions.models import ProtectedName, TrainingExample
from apps.contributions.services import protect_name
from apps.custom_models.models import Evaluation
from apps.custom_models.services import run_evaluation
from apps.datasets.models import DatasetItem
from apps.personas.models import Persona
from apps.personas.queries import facts_of, task_of
from apps.personas.services import create_persona
from tests.chat.local_provider import LocalProvider, completion, running_provider
from tests.custom_models.world import make_model
from tests.datasets.world import build
from tests.factories import CODEBOOK, NOW, BaseModelFactory, OrganizationFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
BASE = "base-1"
REACHABLE = "My name is Wolfgang Petersen and my mail wolfgang.petersen@web.de, phone +49 170 1234567"
NAMED = {"code": "Ada Byron", "title": "Ada Byron", "description": "Asks for Ada Byron."}


@pytest.fixture
def provider(settings: Settings) -> Iterator[LocalProvider]:
    with running_provider() as local:
        settings.OPENAI_BASE_URL = local.base_url
        settings.OPENAI_API_KEY = "sk-local"
        yield local


def make_persona(task: str, **settings: Any) -> Persona:
    return create_persona(
        organization=OrganizationFactory(name="Kettle & Quill"), slug="asked", name="Asked", task=task,
        settings=settings, base_model=BaseModelFactory(name=BASE), by=SYSTEM,
    )  # fmt: skip


def accept(persona: Persona, data: dict[str, Any], label: dict[str, Any], *, split_pin: str) -> TrainingExample:
    task = task_of(persona)
    example: TrainingExample = TrainingExampleFactory(
        persona=persona, input=task.clean_input(data), accepted_label=task.clean_label(label, facts_of(persona)),
        status="accepted", accepted_at=NOW, accepted_by="agreement", quality_score=1, split_pin=split_pin,
    )  # fmt: skip
    return example


def evaluate(persona: Persona, provider: LocalProvider, *, base: str, taught: str) -> Evaluation:
    """A whole evaluation, in which the base model and the version always say the same."""
    candidate = make_model(persona)
    provider.plain = {BASE: (200, completion(base)), candidate.fine_tuned_model_id: (200, completion(taught))}
    return run_evaluation(candidate=candidate, by=SYSTEM, now=timezone.now())


def accuracies(evaluation: Evaluation) -> list[float | None]:
    """The base model's, then the version's."""
    return list(evaluation.arms.order_by("pk").values_list("accuracy", flat=True))


def asked(provider: LocalProvider) -> list[list[tuple[str, str]]]:
    """What each request said behind the system prompt."""
    turns = [[(turn["role"], turn["content"]) for turn in request["messages"]] for request in provider.requests]
    return [[turn for turn in said if turn[0] != "system"] for said in turns]


def test_nothing_personal_reaches_either_model(provider: LocalProvider) -> None:
    persona = make_persona("survey_coding", codes=CODEBOOK)
    accept(persona, {"text": REACHABLE}, {"code": "lost_card"}, split_pin=Split.TEST)
    evaluate(persona, provider, base="hello", taught="hello")
    said = "My name is [PERSON_NAME] and my mail contact@example.com, phone +1 (555) 000-0000"
    assert asked(provider) == [[("user", said)], [("user", said)]]
    assert [name for name in ("Wolfgang", "etersen", "1234567") if name in json.dumps(provider.requests)] == []


def test_a_conversation_is_asked_and_judged_in_the_words_of_its_line(provider: LocalProvider) -> None:
    """A name that only the history announces is replaced in the question and in the right answer, too."""
    persona = make_persona("conversation")
    data, label = task_of(persona).read_pair(
        "Is Thaddeus coming to Kettle & Quill too?",
        "No, Thaddeus stays at home today.",
        [
            {"role": "user", "content": "My name is Thaddeus Quimby."},
            {"role": "assistant", "content": "Hello Thaddeus!"},
        ],
    )
    for pin in (Split.TEST, ""):
        accept(persona, data, label or {}, split_pin=pin)
    build(persona)
    (line,) = DatasetItem.objects.values_list("line", flat=True)
    *question, answer = [(turn["role"], turn["content"]) for turn in json.loads(line)["messages"][1:]]

    evaluation = evaluate(persona, provider, base="No, Thaddeus stays at home today.", taught=answer[1])
    assert asked(provider) == [question, question]
    assert question[-1] == ("user", "Is [PERSON_NAME] coming to [BUSINESS_NAME] too?")
    assert answer == ("assistant", "No, [PERSON_NAME] stays at home today.")
    base, version = accuracies(evaluation)
    assert version == 1
    assert base < 1


def test_a_code_that_reads_like_a_name_is_right_as_it_is(provider: LocalProvider) -> None:
    persona = make_persona("survey_coding", codes=[NAMED, *CODEBOOK])
    protect_name(organization=persona.organization, kind="person", value="Ada Byron", by=SYSTEM)
    accept(persona, {"text": "Put me through to Ada Byron"}, {"code": "Ada Byron"}, split_pin=Split.TEST)
    answers = [json.dumps({"code": code, "confidence": "high"}) for code in ("[PERSON_NAME]", "Ada Byron")]
    evaluation = evaluate(persona, provider, base=answers[0], taught=answers[1])
    assert asked(provider) == [[("user", "Put me through to [PERSON_NAME]")]] * 2
    assert accuracies(evaluation) == [0, 1]


def test_a_right_answer_too_long_once_anonymised_is_judged_as_it_was_given(provider: LocalProvider) -> None:
    """Issues have titles of at most 200 characters, and replacements are longer than some names."""
    persona = make_persona("ux_test")
    protect_name(organization=persona.organization, kind="person", value="Bo Li", by=SYSTEM)
    title = "Bo Li " + " ".join(["cannot find the coupon field"] * 6) + " while paying there"
    assert len(title) <= 200 < len(title.replace("Bo Li", "[PERSON_NAME]"))
    label = {"confirmed_issues": [], "missed_issues": [{"title": title}], "false_positives": []}
    accept(persona, {"url": "https://shop.example/", "mission": "Pay"}, label, split_pin=Split.TEST)
    found = json.dumps({"issues_found": [{"title": title.removeprefix("Bo Li ")}]})
    evaluation = evaluate(persona, provider, base='{"issues_found": []}', taught=found)
    assert accuracies(evaluation) == [0, 1]


def test_what_is_known_is_read_once(provider: LocalProvider) -> None:
    persona = make_persona("survey_coding", codes=CODEBOOK)
    for n in range(5):
        accept(persona, {"text": f"Card number {n}"}, {"code": "lost_card"}, split_pin=Split.TEST)
    with CaptureQueriesContext(connection) as captured:
        evaluate(persona, provider, base="hello", taught="hello")
    assert len(provider.requests) == 10
    read = [query for query in captured.captured_queries if ProtectedName._meta.db_table in query["sql"]]
    assert len(read) == 1
