"""Items that need no second look are read without the serializer: it would have read them the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.contributions.api.items import NewExampleSerializer, is_plain, read_item
from apps.contributions.services import NewExample

ODD = st.sampled_from(
    [None, "", " ", "a ", "x" * 100, "x" * 101, "é", "a\x00", "\ud800", 5, 2.5, True, [], {}, {"a": 1}, ["a"]]
)
FIELDS = {
    "persona": st.from_regex(r"\A[-a-z0-9_]{1,8}\n?\Z"),
    "input": st.dictionaries(st.text("abc"), st.none() | st.integers() | st.text("xyz")),
    "kind": st.sampled_from(["survey_answer", "roast", "nonsense"]),
    "output": st.none() | st.dictionaries(st.text("abc"), st.text("xyz")),
    "label": st.none() | st.dictionaries(st.text("abc"), st.text("xyz")),
    "client_id": st.text(st.characters(max_codepoint=200), max_size=8) | st.sampled_from(["x" * 100, "x" * 101]),
    "conversation_ref": st.text("ab \t\n", max_size=4),
    "metadata": st.dictionaries(st.text("abc"), st.integers()),
    "consent": st.booleans(),
    "schema_version": st.integers(-(2**70), 2**70),
    "unknown": st.text(),
}
ITEMS = st.fixed_dictionaries(
    {"persona": FIELDS["persona"] | ODD, "input": FIELDS["input"] | ODD},
    optional={name: values | ODD for name, values in FIELDS.items() if name not in ("persona", "input")},
)


@settings(max_examples=1_000)
@given(ITEMS)
def test_what_is_read_without_the_serializer_is_what_it_would_have_read(item: dict[str, Any]) -> None:
    serializer = NewExampleSerializer(data=item)
    if is_plain(item):
        assert serializer.is_valid(), serializer.errors
        assert read_item(item, may_decide=True) == NewExample(**serializer.validated_data)
    else:
        read = read_item(item, may_decide=True)
        assert isinstance(read, NewExample) == serializer.is_valid()


def test_what_is_usually_sent_needs_no_serializer() -> None:
    usual = {"persona": "coder", "input": {"text": "Where?"}}
    assert is_plain(usual)
    assert is_plain({**usual, "client_id": "order 7/2026", "output": None, "label": {"code": "a"}, "consent": False})
    assert not is_plain({**usual, "client_id": 7})  # the serializer makes a text of it
    assert read_item({**usual, "client_id": 7}, may_decide=False) == NewExample(
        "coder", {"text": "Where?"}, client_id="7"
    )
