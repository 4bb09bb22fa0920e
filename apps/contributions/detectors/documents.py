"""Texts that are JSON are read as such: what stands in a string is anonymised by itself, so that JSON stays JSON, keys
stay keys, and nothing that was not changed is written anew."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from apps.contributions.detectors.base import Kind, word_set

Path = tuple[str, ...]
Keep = Callable[[Path, str], bool]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)

# A key of this name says what its value is, and there is nothing else that it could be.
_KEYS: Final[dict[str, Kind]] = {
    key: kind
    for kind, keys in {
        Kind.PERSON: word_set("""
            firstname lastname fullname givenname familyname surname customername contactname contactperson vorname
            nachname
        """),
        Kind.ADDRESS: word_set("streetaddress postaladdress billingaddress shippingaddress deliveryaddress"),
        Kind.BUSINESS: word_set("companyname businessname employer"),
        Kind.SECRET: word_set("password passwd apikey accesstoken refreshtoken clientsecret secretkey privatekey"),
    }.items()
    for key in keys
}


@dataclass
class Leaf:
    """A text that is not JSON: all of it may change."""

    text: str
    whole: Kind | None = None  # what all of it is, by its key

    def render(self) -> str:
        return self.text


@dataclass
class Document:
    """JSON, cut into what stays as it is and the strings that may change."""

    pieces: list["str | _String"] = field(default_factory=list)

    def render(self) -> str:
        return "".join(piece if isinstance(piece, str) else piece.render() for piece in self.pieces)


@dataclass
class _String:
    literal: str
    decoded: str
    inner: "Leaf | Document"

    def render(self) -> str:
        text = self.inner.render()
        return self.literal if text == self.decoded else json.dumps(text, ensure_ascii=self.literal.isascii())


def read(text: str, *, keep: Keep, path: Path = (), whole: Kind | None = None) -> Leaf | Document:
    if not is_json(text):
        return Leaf(text, whole)
    document, end = Document(), 0
    for match, path_of_value in _values(text, path):
        decoded = json.loads(match[0])
        if not keep(path_of_value, decoded):
            inner = read(decoded, keep=keep, path=path_of_value, whole=kind_of_key(path_of_value))
            document.pieces += [text[end : match.start()], _String(match[0], decoded, inner)]
            end = match.end()
    document.pieces.append(text[end:])
    return document


def leaves(node: Leaf | Document) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    else:
        for piece in node.pieces:
            if not isinstance(piece, str):
                yield from leaves(piece.inner)


def is_json(text: str) -> bool:
    """An object or a list; a mere number or word is a text like any other."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def kind_of_key(path: Path) -> Kind | None:
    return _KEYS.get(re.sub(r"[\W_]", "", path[-1]).casefold()) if path else None


def _values(text: str, path: Path) -> Iterator[tuple[re.Match[str], Path]]:
    """The strings of valid JSON that are values, each with the keys on the way to it."""
    keys: list[str | None] = []  # of the objects that are open, outermost first; None for a list
    waiting: re.Match[str] | None = None
    for match in _TOKEN.finditer(text):
        sign = match[0]
        if sign == ":" and waiting:
            keys[-1] = json.loads(waiting[0])
            waiting = None
            continue
        if waiting:
            yield waiting, (*path, *(key for key in keys if key is not None))
            waiting = None
        if sign[0] == '"':
            waiting = match
        elif sign in "{[":
            keys.append("" if sign == "{" else None)
        elif sign in "}]":
            keys.pop()
