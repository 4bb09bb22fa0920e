"""The description of the API at /api/schema/, as a client's programmer reads it."""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

METHODS = {"get", "post", "put", "patch", "delete"}
OUR_OWN_WORDS = re.compile(
    r"\b(view|views|viewset|serializer|queryset|mixin|subclass|docstring|service|None|True|False|self|TODO)\b|``"
)

Operation = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def operations() -> list[Operation]:
    """("GET /api/personas/", its description) of each."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found = [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    assert len(found) > 30
    return found


def test_each_operation_has_a_summary_of_its_own(operations: list[Operation]) -> None:
    summaries = {name: operation.get("summary", "") for name, operation in operations}
    assert [name for name, summary in summaries.items() if not 10 < len(summary) < 80 or summary.endswith(".")] == []
    of_each_kind = {(name.split()[0], summary) for name, summary in summaries.items()}
    assert len(of_each_kind) == len(summaries)


def test_no_operation_speaks_of_how_it_is_made(operations: list[Operation]) -> None:
    texts = {name: f"{one.get('summary')} {one.get('description', '')}" for name, one in operations}
    assert [(name, text) for name, text in texts.items() if OUR_OWN_WORDS.search(text)] == []


@pytest.mark.parametrize(
    ("name", "summary", "description"),
    [
        ("GET /api/fine-tuning-jobs/", "List fine-tuning jobs", "Fine-tuning jobs. A dataset has at most one open"),
        ("GET /api/abtests/{id}/", "Retrieve an A/B test", "Comparisons of models on live traffic."),
        ("POST /api/feedback/", "Give feedback on an answer", "201; 200 with the first one"),
        ("GET /v1/models", "List what `model` may be: the organization's personas", ""),
        ("GET /v1/models/{model}", "Retrieve a persona as a model", "404 for one"),
    ],
)
def test_the_words_come_from_the_model_or_the_docstring(
    operations: list[Operation], name: str, summary: str, description: str
) -> None:
    operation = dict(operations)[name]
    assert operation["summary"] == summary
    assert operation.get("description", "").startswith(description)
    assert bool(operation.get("description")) is bool(description)
