"""One example as callers send it, alone, in a list or on a line: what is read is the same, and so are the errors."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.common.api import as_flywheel_error, error_body
from apps.common.errors import FlywheelError, InvalidInput
from apps.contributions.enums import ExampleKind
from apps.contributions.services import ExampleResult, ExampleResultStatus, NewExample

MAX_NAME = 100  # characters of a slug, a client id, a conversation's reference
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")
NAME = re.compile(r"[!-~]([ -~]{0,98}[!-~])?")  # of printable ASCII, not beginning or ending with a space
KINDS = frozenset(ExampleKind.values)


class NewExampleSerializer(serializers.Serializer[Any]):
    persona = serializers.SlugField(max_length=MAX_NAME, help_text="Slug of the persona that is to learn it.")
    input = serializers.DictField(help_text='In the shape of its task; for survey coding {"text": ...}.')
    kind = serializers.ChoiceField(ExampleKind.choices, required=False, help_text="The task's first kind unless given.")
    output = serializers.DictField(required=False, allow_null=True, help_text="What a model answered.")
    label = serializers.DictField(  # type: ignore[assignment]  # hides a form field's caption, which nothing here has
        required=False,
        allow_null=True,
        help_text="What is right, if you know: accepted on the word of who sends it. Takes the scope `train` too.",
    )
    client_id = serializers.CharField(
        required=False, max_length=MAX_NAME, help_text="Your own id: sending it twice changes nothing."
    )
    conversation_ref = serializers.CharField(required=False, max_length=MAX_NAME)
    metadata = serializers.DictField(
        required=False, help_text="Tags of your own, kept as they are and never encrypted: no personal data."
    )
    consent = serializers.BooleanField(required=False, help_text="false: it is stored, and never trained on.")
    schema_version = serializers.IntegerField(
        required=False, help_text="Of the task that the shapes were written for; another than it has now is refused."
    )


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    resolution = serializers.CharField()


class ExampleResultSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(
        required=False, help_text="Of a body of lines, from 1; blank lines have no result. Elsewhere left out."
    )
    status = serializers.ChoiceField([(value.value, value.value) for value in ExampleResultStatus])
    id = serializers.IntegerField(allow_null=True, help_text="Of the example stored, or of the one that was there.")
    client_id = serializers.CharField(allow_null=True)
    error = ErrorSerializer(allow_null=True)


class ExampleResultsSerializer(serializers.Serializer[Any]):
    results = ExampleResultSerializer(many=True)


def read_item(item: Any, *, may_decide: bool) -> NewExample | FlywheelError:
    """The item, or why it is none. `may_decide`: the caller's word makes a label the accepted one."""
    if is_plain(item):
        read = _as_it_is(item)
    else:
        serializer = NewExampleSerializer(data=item)
        try:
            serializer.is_valid(raise_exception=True)
        except serializers.ValidationError as error:
            return as_flywheel_error(error) or InvalidInput("This is no example.")
        read = NewExample(**serializer.validated_data)
    return read if may_decide or read.label is None else _may_not_decide()


def is_plain(item: Any) -> bool:
    """Whether the serializer, which takes longer than all the rest together, would return the fields as they are.

    It decides about every other item, and alone says what is wrong with one. A test tries both on the same items.
    """
    return (
        type(item) is dict
        and _is_slug(item.get("persona"))
        and type(item.get("input")) is dict
        and all(key not in item or type(item[key]) in kinds for key, kinds in _TYPES.items())
        and ("kind" not in item or item["kind"] in KINDS)
        and _is_name(item.get("client_id", "-"))
        and _is_name(item.get("conversation_ref", "-"))
    )


_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "output": (dict, type(None)),
    "label": (dict, type(None)),
    "metadata": (dict,),
    "consent": (bool,),
    "schema_version": (int,),
}


def _is_slug(value: Any) -> bool:
    return type(value) is str and SLUG.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return type(value) is str and NAME.fullmatch(value) is not None


def _as_it_is(item: Mapping[str, Any]) -> NewExample:
    return NewExample(
        item["persona"],
        item["input"],
        kind=item.get("kind", ""),
        output=item.get("output"),
        label=item.get("label"),
        client_id=item.get("client_id", ""),
        conversation_ref=item.get("conversation_ref", ""),
        metadata=item.get("metadata", {}),
        consent=item.get("consent", True),
        schema_version=item.get("schema_version"),
    )


def _may_not_decide() -> InvalidInput:
    return InvalidInput(
        "label: this API key may add examples and not decide what is right.",
        resolution="Leave the label out, or use a key with the scope train as well.",
        code="label_not_allowed",
        param="label",
    )


def result_of(item: Any, result: ExampleResult) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "id": result.example_id,
        "client_id": item.get("client_id") if isinstance(item, dict) else None,
        "error": None if result.error is None else error_body(result.error)["error"],
    }
