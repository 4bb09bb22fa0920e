"""The shapes of files that examples come in: each is recognised, read row by row, and refused with a reason."""

import io
import json
import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from apps.common.errors import InvalidInput
from apps.contributions.formats import ROW_FORMATS, ImportRow, recognise
from apps.contributions.formats.rows.objects import MAX_ARRAY_BYTES
from apps.personas.tasks.base import Turn

CHAT = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": [{"type": "text", "text": "Where is "}, {"type": "text", "text": "my card?"}]},
        {"role": "assistant", "content": "Here."},
    ]
}
HISTORY = (Turn(role="user", content="Hello"), Turn(role="assistant", content="Hi!"))
HF = {"instruction": "Make a page", "input": "A café", "output": {"version": "1.0"},
      "metadata": {"example_type": "page_generation", "template": "cafe"}}  # fmt: skip
ALPACA = {"instruction": "Answer", "input": "", "output": "Yes"}
ROW_OF_HF = ImportRow(1, "Make a page\n\nA café", '{"version": "1.0"}', metadata=HF["metadata"], kind="page_generation")  # type: ignore[arg-type]

ROW_OF_CHAT = ImportRow(1, "Where is my card?", "Here.", history=HISTORY)
BOM = b"\xef\xbb\xbf"

FILES: list[tuple[str, bytes, ImportRow]] = [
    ("csv_rows", b"text,category\nMy card,lost_card\n", ImportRow(2, "My card", "lost_card")),
    ("csv_rows", BOM + b'"Text","Answer"\r\nMy card,"Here, take"\r\n', ImportRow(2, "My card", "Here, take")),
    ("openai_chat", json.dumps(CHAT).encode(), ROW_OF_CHAT),
    ("openai_chat", BOM + json.dumps(CHAT).encode(), ROW_OF_CHAT),
    ("hf_instruction", json.dumps(HF).encode() + b"\n", ROW_OF_HF),
    ("hf_instruction", json.dumps([HF]).encode(), ROW_OF_HF),
    ("hf_instruction", json.dumps([HF], indent=2).encode(), replace(ROW_OF_HF, line=2)),
    ("alpaca", json.dumps(ALPACA).encode(), ImportRow(1, "Answer", "Yes")),
    ("alpaca", json.dumps([ALPACA]).encode(), ImportRow(1, "Answer", "Yes")),
]  # fmt: skip


def _read(data: bytes) -> list[ImportRow]:
    file = io.BytesIO(data)
    return list(recognise(file).read(file))


@pytest.mark.parametrize(("shape", "data", "row"), FILES, ids=[f"{name} {n}" for n, (name, *_) in enumerate(FILES)])
def test_each_shape_is_recognised_and_read(shape: str, data: bytes, row: ImportRow) -> None:
    assert recognise(io.BytesIO(data)).name == shape
    assert _read(data) == [row]


def test_only_one_shape_claims_a_file() -> None:
    for shape, data, _ in FILES:
        assert [one.name for one in ROW_FORMATS if one.recognises(data)] == [shape]


def test_a_shape_is_recognised_by_the_beginning_of_a_long_object() -> None:
    long = {"messages": [{"role": "user", "content": "x" * 200_000}]}
    assert recognise(io.BytesIO(json.dumps(long).encode())).name == "openai_chat"


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "code", "what"),
    [
        (_zip(), "unknown_shape", "a ZIP archive, as .xlsx files are"),
        (b"%PDF-1.7", "unknown_shape", "a PDF"),
        (b"\x1f\x8b\x08", "unknown_shape", "a gzip archive"),
        (b"\n <!DOCTYPE html><html>", "unknown_shape", "a web page"),
        (b"<html><body>text,category</body></html>", "unknown_shape", "a web page"),
        (b"<?xml version='1.0'?>", "unknown_shape", "XML"),
        ("text\nx\n".encode("utf-16"), "unknown_shape", "UTF-16 text"),
        ("text\nx\n".encode("utf-16-le"), "wrong_encoding", "NUL byte"),
        (b'{"question": "?"}', "unknown_shape", "none of the shapes"),
        (b"[1, 2]", "unknown_shape", "none of the shapes"),
        (b"[" * 100_000, "unknown_shape", "none of the shapes"),
        (b"", "empty_file", "The file is empty"),
        (b"question;answer\na;b\n", "missing_columns", "names the columns"),
        (b"text,category,answer\na,b,c\n", "missing_columns", "names the columns"),
    ],
)
def test_what_is_no_such_file_is_refused_by_what_it_is(data: bytes, code: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what) as caught:
        _read(data)
    assert caught.value.code == code
    assert caught.value.resolution


# --- one bad row spoils no other --------------------------------------------------------------------------------------


def _chat(*messages: Any) -> bytes:
    return json.dumps({"messages": list(messages)}).encode()


ASKED = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{", "It is not JSON (Expecting property name"),
        (b"[" * 100_000, "It is nested more than 100 levels deep."),
        (b'{"messages": ' + b"[" * 300 + b"]" * 300 + b"}", "It is nested more than 100 levels deep."),
        (b'{"messages": "\\u0000"}', "It contains a NUL character"),
        (b'{"messages": "\\ud800"}', "It contains a NUL character or half of a surrogate pair."),
        (b'{"messages": "\xff"}', "It is not UTF-8 text."),
        (b'{"messages": "' + b"x" * 1_000_001 + b'"}', "It has more than 1,000,000 bytes."),
        (b'"text"', "It is no JSON object."),
        (b"{}", "messages: it is no list of messages."),
        (b'{"messages": []}', "messages: it is no list of messages."),
        (b'{"messages": ["hi"]}', "messages[0].role: it must be"),
        (_chat({"role": ["user"], "content": "x"}), "messages[0].role: it must be"),
        (_chat(ASKED, {"role": "tool", "content": "x"}), "messages[1].role: it must be"),
        (_chat({"role": "user", "content": None}), "messages[0].content: it is no text"),
        (_chat({"role": "user", "content": [{"type": "image_url"}]}), "messages[0].content: it is no text"),
        (_chat({"role": "assistant", "content": "x"}), "messages: the last answer follows no question"),
        (_chat(ASKED, *[{"role": "assistant", "content": "x"}] * 2), "messages: the last answer follows no question"),
        (b'{"messages": [{"role": "user", "content": "x"}], "metadata": 5}', "metadata: it is no JSON object."),
    ],
)
def test_a_chat_that_cannot_be_used_is_marked(line: bytes, fault: str) -> None:
    good = _chat(ASKED, {"role": "assistant", "content": "Hi!"})
    first, bad, last = _read(b"\n".join([good, line, good]))
    assert (first.fault, bad.line, last.line, last.category) == ("", 2, 3, "Hi!")
    assert bad.fault.startswith(fault)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ({"instruction": ""}, "instruction: it is missing."),
        ({"instruction": 5}, "instruction: it is neither a text nor a JSON object."),
        ({"instruction": "x", "output": 5}, "output: it is neither a text nor a JSON object."),
        ("x", "It is no JSON object."),
    ],
)
def test_an_instruction_that_cannot_be_used_is_marked(found: Any, fault: str) -> None:
    for data in (json.dumps([ALPACA, found]).encode(), f"{json.dumps(ALPACA)}\n{json.dumps(found)}".encode()):
        assert [row.fault for row in _read(data)] == ["", fault]


def test_a_row_without_an_answer_awaits_one() -> None:
    asked, instructed = _read(_chat(ASKED))[0], _read(b'{"instruction": "Say", "input": null}')[0]
    assert (asked.text, asked.category, instructed.text, instructed.category) == ("Hello", "", "Say", "")


# --- memory -----------------------------------------------------------------------------------------------------------


def test_lines_are_read_in_constant_memory() -> None:
    class Lines(io.RawIOBase):
        """8 MB of chats that are nowhere at once."""

        line = json.dumps(CHAT).encode() + b"\n"
        left = 8 * 2**20 // len(line)
        at = 0

        def read(self, size: int = -1, /) -> bytes:
            count = min(self.left, size // len(self.line))
            self.left -= count
            self.at += count
            return self.line * count

        def tell(self) -> int:
            return 0

        def seek(self, *_: int) -> int:
            self.left += self.at
            self.at = 0
            return 0

    file = Lines()
    expected = file.left
    tracemalloc.start()
    count = sum(1 for _ in recognise(file).read(file))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == expected
    assert peak < 2 * 2**20


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'[{"instruction": "' + b"x" * MAX_ARRAY_BYTES + b'"}]', "array_too_large"),
        (b'[{"instruction": "x"}, {"instruction": \xff}]', "wrong_encoding"),
        (b'[{"instruction": "x"}, {"instruction": ]', "invalid_json"),
        (b'[{"instruction": "x"}, ' + b"[" * 100_000, "invalid_json"),
    ],
)
def test_an_array_is_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(data)
    assert caught.value.code == code
