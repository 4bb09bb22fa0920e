import re
from collections.abc import Iterator

from apps.contributions.detectors.base import Kind, Span

# Letters of every script: addresses with umlauts and domains with them are in use.
_LOCAL = r"[\w\u0300-\u036f][\w\u0300-\u036f.+'%~^-]{0,63}"
_DOMAIN = r"(?:[\w\u0300-\u036f-]{1,63}\.)+[^\W\d_][\w\u0300-\u036f-]{1,62}"
_PLAIN = re.compile(rf"(?<![\w.+'%~^-]){_LOCAL}@{_DOMAIN}")
_SPELLED = re.compile(
    r"(?<!\w)[\w.+-]{1,64}\s?[(\[]\s?at\s?[)\]]\s?[\w-]{1,63}(?:\s?(?:\.|[(\[]\s?(?:dot"
    r"|punkt)\s?[)\]])\s?[\w-]{2,63}){1,3}",
    re.IGNORECASE,
)


class Emails:
    name = "emails"
    kind = Kind.EMAIL
    title = "E-mail addresses"

    def needs(self, text: str) -> bool:
        return "@" in text or "at)" in text or "at]" in text

    def find(self, text: str) -> Iterator[Span]:
        for pattern in (_PLAIN, _SPELLED):
            for match in pattern.finditer(text):
                yield Span(match.start(), match.end(), self.kind)
