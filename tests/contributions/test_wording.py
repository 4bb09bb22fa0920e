import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contributions.queries import Change, diff_texts, payload_text
from apps.contributions.queries.wording import MAX_PIECES

WORDS = st.lists(st.sampled_from(["a", "b", " ", "\n", ".", "Käse", "日本"]), max_size=40).map("".join)


def _shown(before: str, after: str) -> str:
    marks = {"kept": "{}", "removed": "[-{}-]", "added": "[+{}+]"}
    return "".join(marks[change.kind].format(change.text) for change in diff_texts(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", "", ""),
        ("We will call you.", "We will call you.", "We will call you."),
        ("We will call you.", "We shall call you.", "We [-will-][+shall+] call you."),
        ("One two three", "Uno dos three", "[-One two-][+Uno dos+] three"),  # not word by word, where all changes
        ("Hello", "Hello, you", "Hello[+, you+]"),
        ("gone", "", "[-gone-]"),
        ("", "new", "[+new+]"),
        ("a\nb", "a\nc", "a\n[-b-][+c+]"),
    ],
)
def test_changes_are_told_by_word(before: str, after: str, shown: str) -> None:
    assert _shown(before, after) == shown


@given(WORDS, WORDS)
def test_both_texts_can_be_read_off_the_changes(before: str, after: str) -> None:
    changes = diff_texts(before, after)
    assert "".join(change.text for change in changes if change.kind != "added") == before
    assert "".join(change.text for change in changes if change.kind != "removed") == after
    assert all(change.text for change in changes)


def test_long_texts_are_compared_by_line_and_very_long_ones_as_a_whole() -> None:
    lines = [f"word {n} and more of them\n" for n in range(MAX_PIECES // 4)]
    changed = [*lines[:-1], "another\n"]
    assert diff_texts("".join(lines), "".join(changed))[-1] == Change("added", "another\n")
    before, after = "a\n" * MAX_PIECES, "b\n" * MAX_PIECES
    assert diff_texts(before, after) == [Change("removed", before), Change("added", after)]


def test_payloads_read_as_their_forms_show_them() -> None:
    assert payload_text({"text": "Hi\nyou"}) == "Hi\nyou"
    assert payload_text({"b": "ü", "a": [1]}) == '{\n  "b": "ü",\n  "a": [\n    1\n  ]\n}'
    assert payload_text(None) == payload_text({}) == ""
