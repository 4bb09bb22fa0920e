"""What becomes of answers as training examples (PB1): chats with their history, runs, and the kinds of both."""

import json
from typing import Any

import pytest
from django.utils import timezone

from apps.chat.models import Response
from apps.chat.services import run_task
from apps.common.audit import SYSTEM
from apps.contributions.models import TrainingExample
from apps.datasets.formats import FORMATS
from apps.datasets.formats.base import RenderInput
from apps.personas.models import Persona
from apps.personas.queries import task_of
from apps.personas.services import create_persona
from tests.chat.conftest import Home
from tests.chat.local_provider import LocalProvider, completion

pytestmark = pytest.mark.django_db

PAGE = {"version": "1.0", "metadata": {"title": "Bakery"}, "sections": [{"type": "hero", "title": "Bread"}]}
EDITED = {**PAGE, "sections": [{"type": "hero", "title": "Bread from six"}]}


def _persona(home: Home, task: str) -> Persona:
    return create_persona(
        organization=home.organization, slug=task, name="Nora", task=task, base_model=home.base_model, by=SYSTEM
    )


def _said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_a_chat_is_captured_with_what_was_said_before(home: Home, provider: LocalProvider) -> None:
    persona = _persona(home, "conversation")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    chat = [
        _said("system", "Never captured."),
        _said("user", "Hi Nora"),
        _said("assistant", "Morning! Bread or cake?"),
        _said("user", [{"type": "text", "text": "Cake."}, picture]),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]},
        {"role": "tool", "tool_call_id": "c", "content": "one left"},
        _said("assistant", "One is left."),
        _said("user", "Keep it!"),
    ]
    provider.plain["base-1"] = (200, completion(" Done. "))
    answer = home.client().post("/v1/chat/completions", {"model": "conversation", "messages": chat})

    assert answer.status_code == 200
    example = TrainingExample.objects.get()
    assert (example.kind, example.source, example.output) == ("chat_turn", "chat", {"text": "Done."})
    history = [
        _said("user", "Hi Nora"),
        _said("assistant", "Morning! Bread or cake?"),
        _said("user", "Cake."),
        _said("assistant", "One is left."),
    ]
    assert example.input == {"history": history, "message": "Keep it!"}
    assert _line(persona, example, {"text": "It is yours."}) == [
        history[0],
        {**history[1], "weight": 0},
        history[2],
        {**history[3], "weight": 0},
        _said("user", "Keep it!"),
        _said("assistant", "It is yours."),
    ]


def _line(persona: Persona, example: TrainingExample, label: dict[str, Any]) -> Any:
    """The messages that the example is taught by."""
    task = task_of(persona)
    words = RenderInput(
        system="",
        user=task.user_message(example.input),
        assistant=task.assistant_message(label),
        history=tuple((turn["role"], turn["content"]) for turn in task.history(example.input)),
    )
    return json.loads(FORMATS.get("openai_chat").render(words))["messages"]


def test_a_run_with_history_asks_with_it_and_is_captured_with_it(home: Home, provider: LocalProvider) -> None:
    _persona(home, "conversation")
    asked = {"history": [_said("user", "Hi"), _said("assistant", "Morning!")], "message": "Open today?"}
    provider.plain["base-1"] = (200, completion("Until six."))
    answer = home.client().post("/api/personas/conversation/runs/", {"input": asked})

    assert answer.json()["parsed"] == {"text": "Until six."}
    sent = provider.requests[0]["messages"]
    assert sent[1:] == [*asked["history"], _said("user", "Open today?")]
    assert TrainingExample.objects.get().input == asked


def test_a_page_run_is_parsed_and_captured(home: Home, provider: LocalProvider) -> None:
    persona = _persona(home, "page_builder")
    provider.plain["base-1"] = (200, completion(json.dumps(PAGE)))
    asked = {"prompt": "A page for a bakery", "context": "Industry: bakery"}
    response = run_task(persona=persona, input=asked, by=SYSTEM, now=timezone.now())

    assert response.status == "completed"
    assert provider.requests[0]["messages"][-1]["content"] == "A page for a bakery\n\nContext:\nIndustry: bakery"
    example = TrainingExample.objects.get()
    assert (example.kind, example.source, example.output) == ("page_generation", "run", PAGE)
    assert example.input == {**asked, "current_page": None}


def test_a_run_says_what_it_is_an_example_of(home: Home, provider: LocalProvider) -> None:
    _persona(home, "page_builder")
    provider.plain["base-1"] = (200, completion(json.dumps(EDITED)))
    asked = {"input": {"prompt": "Say from when", "current_page": PAGE}, "kind": "section_edit"}
    assert home.client().post("/api/personas/page_builder/runs/", asked).status_code == 200
    assert TrainingExample.objects.get().kind == "section_edit"

    refused = home.client().post("/api/personas/page_builder/runs/", {**asked, "kind": "survey_answer"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "kind")


def test_the_kind_is_what_the_caller_says_and_an_edit_knows_its_page(home: Home, provider: LocalProvider) -> None:
    _persona(home, "page_builder")
    provider.plain["base-1"] = (200, completion(json.dumps(EDITED)))
    chat = [_said("user", "A page"), _said("assistant", json.dumps(PAGE)), _said("user", "Say from when")]
    body = {"model": "page_builder", "messages": chat, "metadata": {"kind": "section_edit"}}
    assert home.client().post("/v1/chat/completions", body).status_code == 200

    example = TrainingExample.objects.get()
    assert (example.kind, example.output) == ("section_edit", EDITED)
    assert example.input == {"prompt": "Say from when", "context": "", "current_page": PAGE}


def test_tools_that_a_model_calls_are_the_output_of_an_example(home: Home, provider: LocalProvider) -> None:
    _persona(home, "page_builder")
    call = {"id": "c", "type": "function", "function": {"name": "create_form", "arguments": '{"fields": ["name"]}'}}
    provider.plain["base-1"] = (200, completion("", tool_calls=[call]))
    body = {
        "model": "page_builder",
        "messages": [_said("user", "A form")],
        "metadata": {"kind": "tool_invocation"},
        "tools": [{"type": "function", "function": {"name": "create_form", "parameters": {"type": "object"}}}],
    }
    assert home.client().post("/v1/chat/completions", body).status_code == 200

    example = TrainingExample.objects.get()
    assert (example.kind, example.output) == (
        "tool_invocation",
        {"tool_calls": [{"name": "create_form", "arguments": {"fields": ["name"]}}]},
    )


def test_a_history_that_is_no_example_is_answered_all_the_same(home: Home, provider: LocalProvider) -> None:
    _persona(home, "conversation")
    long = [_said("user", "x" * 20_001), _said("assistant", "What?"), _said("user", "Sorry")]
    answer = home.client().post("/v1/chat/completions", {"model": "conversation", "messages": long})

    assert (answer.status_code, len(provider.requests)) == (200, 1)
    assert Response.objects.count() == 1
    assert not TrainingExample.objects.exists()
