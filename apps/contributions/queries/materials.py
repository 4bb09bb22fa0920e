"""The words of an uploaded file as everything after its reading sees them: anonymised, before anything leaves."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from apps.common.errors import InvalidInput
from apps.contributions.detectors import REPLACEMENTS, Kind, KnownValue, KnownValues, anonymise
from apps.contributions.formats.transcripts import Conversation, Turn, read_transcript
from apps.contributions.formats.transcripts.vocabulary import ANSWERING, ROLES
from apps.contributions.models import Upload
from apps.contributions.queries.known_values import known_values_of
from apps.organizations.models import Organization

NO_CONVERSATION = "no_conversation"  # the code of what no shape of conversations fits
PERSONA = "PERSONA"  # stands for whoever the persona is wherever a model reads along
# Speakers that are called what they are. Of any other it is taken that this is their name.
_CALLED_WHAT_THEY_ARE = """
    barista boss buyer caller coach dad driver guest host mom moderator mum narrator seller speaker system waiter you"""
CALLED_WHAT_THEY_ARE = ANSWERING | ROLES | frozenset(_CALLED_WHAT_THEY_ARE.split())


@dataclass(frozen=True)
class Material:
    """Conversations, if the text is of a shape that rules can read; else the text alone, which only a model can.

    Who speaks keeps the name that the file gives them: names of speakers are for comparing, and go nowhere.
    """

    speaker: str
    conversations: list[Conversation] = field(default_factory=list)
    text: str = ""
    redactions: dict[str, int] = field(default_factory=dict)

    def said_by_speaker(self) -> Iterator[str]:
        return (turn.text for turn in self._turns() if turn.speaker == self.speaker)

    def said_by_others(self) -> Iterator[str]:
        return (turn.text for turn in self._turns() if turn.speaker != self.speaker)

    def _turns(self) -> Iterator[Turn]:
        return chain.from_iterable(one.turns for one in self.conversations)


def material_of(*, upload: Upload) -> Material:
    """The same for an upload each time, as long as the organization's known names stay the same."""
    conversations = conversations_in(upload.extracted_text)
    if conversations is None:
        return _unshaped(upload)
    known = _known_values(upload.organization, {turn.speaker for one in conversations for turn in one.turns})
    texts = [turn.text for one in conversations for turn in one.turns]
    found = anonymise(texts, known=known)
    cleaned = iter(found.texts)
    anonymous = [
        Conversation(str(number), tuple(replace(turn, text=next(cleaned)) for turn in one.turns))
        for number, one in enumerate(conversations, start=1)
    ]
    return Material(upload.speaker, anonymous, redactions=_named(found.counts))


def conversations_in(text: str) -> list[Conversation] | None:
    """None where no shape of conversations fits; InvalidInput where one does, and is broken."""
    try:
        return read_transcript(text).conversations
    except InvalidInput as error:
        if error.code != NO_CONVERSATION:
            raise
        return None


def without_replacements(text: str) -> str:
    """What somebody said without the neutral words that are nobody's."""
    for words in REPLACEMENTS.values():
        text = text.replace(words, " ")
    return text


def anonymise_words(*, organization: Organization, words: list[str]) -> list[str]:
    """Words that a model wrote, which may name somebody after all."""
    return list(anonymise(words, known=_known_values(organization, set())).texts)


def _unshaped(upload: Upload) -> Material:
    known = _known_values(upload.organization, {upload.speaker})
    words = upload.extracted_text.replace(upload.speaker, PERSONA) if upload.speaker else upload.extracted_text
    paragraphs = anonymise(words.split("\n"), known=known)
    return Material(upload.speaker, text="\n".join(paragraphs.texts), redactions=_named(paragraphs.counts))


def _known_values(organization: Organization, speakers: set[str]) -> KnownValues:
    names = {name for name in speakers if name and name.casefold() not in CALLED_WHAT_THEY_ARE}
    known = known_values_of(organization=organization)
    known.add(KnownValue(Kind.PERSON, name) for name in sorted(names))
    return known


def _named(counts: Counter[Kind] | dict[Kind, int]) -> dict[str, int]:
    return {str(kind): count for kind, count in counts.items()}
