"""Holds every answer against the published description of the protocol, ../shared/data/openai/protocol.json."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "data" / "openai" / "protocol.json"
ABSENT = f"{DESCRIPTION} is not there: the published description lies beside the project, not in it"
BASE = "/trainer/v1"
# Where this server knowingly says what the description forgot: the state that its own pause call brings about.
FORGOTTEN_STATUS = "paused"


class CheckedTransport(httpx2.BaseTransport):
    """Passes requests on, and refuses to return an answer that the description does not know."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self.inner = inner
        self.seen: set[str] = set()  # operations answered with success

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self.inner.handle_request(request)
        response.read()
        operation = check_answer(request.method, request.url.path, response)
        if response.is_success and operation:
            self.seen.add(operation)
        return response

    def close(self) -> None:
        self.inner.close()


def check_answer(method: str, path: str, response: httpx2.Response) -> str | None:
    """AssertionError or jsonschema's error if the answer does not conform; returns the operation's id."""
    assert response.headers["x-request-id"].startswith("req_")
    if not DESCRIPTION.exists():
        return None
    if response.is_error:
        validator("ErrorResponse").validate(response.json())
        return None
    operation = operation_of(method, path)
    assert operation, f"{method} {path} succeeded, but the description has no such operation"
    content = operation["responses"]["200"]["content"]
    if response.headers["content-type"].startswith("text/event-stream"):
        _check_stream(response.text, _name(content["text/event-stream"]["schema"]))
    elif "$ref" in content["application/json"]["schema"]:
        assert response.headers["content-type"] == "application/json"
        validator(_name(content["application/json"]["schema"])).validate(response.json())
    return str(operation["operationId"])


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in description()["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(BASE + pattern, path) and method.lower() in operations:
            return dict(operations[method.lower()])
    return None


@cache
def description() -> dict[str, Any]:
    return dict(_as_json_schema(json.loads(DESCRIPTION.read_text())))


@cache
def validator(name: str) -> Draft202012Validator:
    components = description()["components"]
    status = components["schemas"]["FineTuningJob"]["properties"]["status"]["enum"]
    if FORGOTTEN_STATUS not in status:
        status.append(FORGOTTEN_STATUS)
    schema = {"components": components, "$ref": f"#/components/schemas/{name}"}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _as_json_schema(value: Any) -> Any:
    """The description says 3.1 and still writes `nullable`, which JSON Schema spells as a choice with null."""
    if isinstance(value, list):
        return [_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _as_json_schema(item) for key, item in value.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain


def _check_stream(text: str, name: str) -> None:
    *events, done, end = text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    for event in events:
        validator(name).validate(json.loads(event.removeprefix("data: ")))


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
