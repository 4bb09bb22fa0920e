"""Lines that begin with who speaks: `Anna: See you at eight`. A line without a name belongs to the one above.

Who is a speaker is told by the whole text: a name that begins at least two lines, or one that says what somebody is
(`Customer:`, `Bot:`) on a single line. `Note:`, `Subject:` and the like never are, nor are times and addresses
(`18:45`, `http://…`). A line of dashes, or one such as "Conversation 2", begins a new conversation.
"""

import re
from collections import Counter
from collections.abc import Iterator

from apps.contributions.formats.transcripts.base import Conversation, LeftOut, Transcript, Turn
from apps.contributions.formats.transcripts.vocabulary import NEVER_SPEAKERS, ROLES

LINE = re.compile(
    r"\s*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])]?\s+(?:-\s)?)?"  # a time before the name
    r"(?:\*\*|__)?([^\W\d_][\w.'’()/&-]*(?: [\w.'’()/&-]+){0,3})(?:\*\*|__)?\s?:(?:\*\*|__)?(?:\s+(.*))?$"
)
MAX_NAME = 40  # characters
MAX_BREAK = 200  # characters
BREAK = re.compile(
    r"\s*(?:([-=*_#~])(?:\s?\1){2,}"
    r"|(?:#+\s*)?(?:conversation|chat|dialog|dialogue|transcript|gespräch|unterhaltung|conversación|conversazione|conversa)"
    r"\s*#?\d+\s*:?)\s*$",
    re.IGNORECASE,
)


class NamedLines:
    name = "named_lines"
    title = "Lines that begin with a name"
    example = "Anna: See you at eight"

    def recognises(self, text: str) -> bool:
        return len(_speakers(text)) > 1

    def read(self, text: str) -> Transcript:
        transcript = Transcript()
        speakers = _speakers(text)
        for part in _parts(text):
            turns = [turn for turn in _turns(part, speakers, transcript) if turn.text]
            if turns:
                number = len(transcript.conversations) + 1
                transcript.conversations.append(Conversation(str(number), tuple(turns)))
        return transcript


def _speakers(text: str) -> dict[str, str]:
    """Who speaks in the text: how they are first written, by their name in small letters."""
    written: dict[str, str] = {}
    lines: Counter[str] = Counter()
    for line in text.split("\n"):
        if (name := _name(line)) is not None:
            written.setdefault(name.casefold(), name)
            lines[name.casefold()] += 1
    return {key: name for key, name in written.items() if lines[key] > 1 or key in ROLES}


def _name(line: str) -> str | None:
    """The name that the line begins with, if what it begins with can be one."""
    found = None if _breaks(line) else LINE.match(line)
    if found is None or len(found[1]) > MAX_NAME or found[1].casefold() in NEVER_SPEAKERS:
        return None
    return None if " " in found[1] and found[1][0].islower() else found[1]  # "we said: ..." is no name


def _breaks(line: str) -> bool:
    return len(line) <= MAX_BREAK and BREAK.match(line) is not None


def _parts(text: str) -> Iterator[list[str]]:
    part: list[str] = []
    for line in text.split("\n"):
        if _breaks(line):
            yield part
            part = []
        else:
            part.append(line)
    yield part


def _turns(lines: list[str], speakers: dict[str, str], transcript: Transcript) -> list[Turn]:
    said: list[tuple[str, list[str]]] = []
    for line in lines:
        name = _name(line)
        if name is not None and name.casefold() in speakers:
            said.append((speakers[name.casefold()], [_after_name(line)]))
        elif said:
            said[-1][1].append(line.rstrip())
        elif line.strip():
            transcript.left_out[LeftOut.BEFORE_FIRST_SPEAKER] += 1
    turns = [Turn(speaker, "\n".join(words).strip()) for speaker, words in said]
    if empty := sum(not turn.text for turn in turns):
        transcript.left_out[LeftOut.EMPTY] += empty
    return turns


def _after_name(line: str) -> str:
    found = LINE.match(line)
    return (found[2] or "").rstrip() if found else ""
