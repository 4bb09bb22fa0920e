import ipaddress
import re
from collections.abc import Iterator

from apps.contributions.detectors.base import Kind, Span, count_digits, has_one_of, word_set

_FOUR = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_SIX = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4})?(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])")
_VERSIONS = word_set("version versions release build firmware update upgrade upgraded")
_CUE = re.compile(
    r"(?:ip|host|server|address|adresse|from|proxy|remote|gateway|dns)\W{1,3}(?:\w+\W){0,1}$", re.IGNORECASE
)


class IPs:
    name = "ips"
    kind = Kind.IP
    title = "IP addresses"

    def needs(self, text: str) -> bool:
        return count_digits(text) > 0 and (text.count(".") >= 3 or text.count(":") >= 2)

    def find(self, text: str) -> Iterator[Span]:
        has_versions = has_one_of(text, _VERSIONS)
        for pattern in (_FOUR, _SIX):
            for match in pattern.finditer(text):
                if not _is_somebodys(match[0]):
                    continue
                if has_versions and not _CUE.search(text, max(0, match.start() - 25), match.start()):
                    continue
                yield Span(match.start(), match.end(), self.kind)


def _is_somebodys(number: str) -> bool:
    """An address of a machine; not this machine's own name for itself, nor one that software versions look like."""
    try:
        address = ipaddress.ip_address(number)
    except ValueError:
        return False
    if address.version == 4 and int(address) >> 24 < 10:
        return number.count(".") == 3 and min(len(part) for part in number.split(".")) > 1
    return not (address.is_loopback or address.is_unspecified or number.startswith("255."))
