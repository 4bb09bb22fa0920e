import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contributions.detectors import Kind, anonymise, anonymise_json
from apps.contributions.detectors.documents import is_json, kind_of_key
from tests.contributions.detectors.texts import FRAGMENTS

strings = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=6).map("".join)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), strings),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """A JSON value with its strings blotted out."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return "" if isinstance(value, str) else value


@given(values)
def test_only_what_stands_in_strings_changes(value: Any) -> None:
    assert shape(anonymise_json(value).value) == shape(value)


@given(values)
def test_doing_it_again_changes_nothing(value: Any) -> None:
    once = anonymise_json(value).value
    again = anonymise_json(once)
    assert (again.value, again.counts) == (once, {})


@given(st.one_of(st.lists(values), st.dictionaries(strings, values)), st.booleans(), st.sampled_from([None, 2]))
def test_a_text_that_is_json_stays_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert shape(json.loads(anonymise([text]).texts[0])) == shape(value)


def test_keys_and_spaces_stay_and_only_values_are_written_anew() -> None:
    text = '{ "Anna Weber" : "Anna Weber",\n  "caf\\u00e9": "caf\\u00e9", "n": 1.0 }'
    assert anonymise([text]).texts == ('{ "Anna Weber" : "[PERSON_NAME]",\n  "caf\\u00e9": "caf\\u00e9", "n": 1.0 }',)


def test_json_inside_json_is_read_as_json() -> None:
    inner = json.dumps({"code": "lost_card", "note": 'for "Anna Weber"'})
    result = anonymise_json({"messages": [{"role": "assistant", "content": inner}]})
    content = result.value["messages"][0]["content"]
    assert json.loads(content) == {"code": "lost_card", "note": 'for "[PERSON_NAME]"'}


def test_a_key_tells_what_its_value_is() -> None:
    value = {
        "first_name": "Thandeka",
        "companyName": "Q7",
        "apiKey": "abc",
        "name": "Thandeka",
        "title": "Zu",
        "password": "",
    }
    assert anonymise_json(value).value == {
        "first_name": "[PERSON_NAME]",
        "companyName": "[BUSINESS_NAME]",
        "apiKey": "[SECRET]",
        "name": "[PERSON_NAME]",  # the same as under the key that tells
        "title": "Zu",
        "password": "",
    }


def test_what_machines_read_is_left_alone() -> None:
    asked: list[tuple[tuple[str, ...], str]] = []

    def keep(path: tuple[str, ...], text: str) -> bool:
        asked.append((path, text))
        return path[-1:] == ("code",)

    value = {"label": {"code": "Anna Weber"}, "turns": [{"text": "Anna Weber"}, "x"]}
    result = anonymise_json(value, keep=keep)
    assert result.value == {"label": {"code": "Anna Weber"}, "turns": [{"text": "[PERSON_NAME]"}, "x"]}
    assert result.counts == {Kind.PERSON: 1}
    assert asked == [(("label", "code"), "Anna Weber"), (("turns", "text"), "Anna Weber"), (("turns",), "x")]


def test_values_of_one_json_value_are_one_conversation() -> None:
    value = [{"content": "My name is Thandeka."}, {"content": "Thanks, thandeka!"}]
    assert anonymise_json(value).value == [
        {"content": "My name is [PERSON_NAME]."},
        {"content": "Thanks, [PERSON_NAME]!"},
    ]


@pytest.mark.parametrize("value", [None, 1, True, 1.5, "plain", [], {}, {"a": None}])
def test_values_without_personal_data_come_back(value: Any) -> None:
    assert anonymise_json(value).value == value


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"a": 1}', True),
        ("[1]", True),
        (" []", True),
        ("[PERSON_NAME]", False),
        ("1", False),
        ('"a"', False),
        ("[" * 100_000, False),
    ],
)
def test_only_objects_and_lists_are_taken_for_json(text: str, is_one: bool) -> None:
    assert is_json(text) is is_one


@pytest.mark.parametrize(
    ("key", "kind"),
    [("firstName", Kind.PERSON), ("street_address", Kind.ADDRESS), ("API-Key", Kind.SECRET), ("name", None)],
)
def test_keys_that_tell(key: str, kind: Kind | None) -> None:
    assert kind_of_key((key,)) == kind


def test_a_lone_surrogate_in_json_survives() -> None:
    assert anonymise_json({"a": "\ud800 Anna Weber"}).value == {"a": "\ud800 [PERSON_NAME]"}
