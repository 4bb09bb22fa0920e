import re
from collections.abc import Iterator

from apps.contributions.detectors.base import Kind, Span

_URL = re.compile(r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s\"'`<>\x00\\]+")
_USER = re.compile(r"://[^/?#@\s]*:[^/?#@\s]+@")
_PARAMETER = re.compile(
    r"[?&#;][\w.-]*(?:token|secret|passw(?:or)?d|pwd|api_?key|apikey|signature|credential|sessionid|jwt"
    r"|(?<![a-z])(?:sig|key|auth|code|sid))=[^&#\s]{4,}",
    re.IGNORECASE,
)
_HOOK = re.compile(r"//hooks\.slack\.com/services/|//discord(?:app)?\.com/api/webhooks/|\.webhook\.office\.com/")


class URLs:
    name = "urls"
    kind = Kind.URL
    title = "Addresses of pages that carry a credential"

    def needs(self, text: str) -> bool:
        return "://" in text

    def find(self, text: str) -> Iterator[Span]:
        for match in _URL.finditer(text):
            url = match[0].rstrip(".,;:!?)]}")
            if _USER.search(url) or _PARAMETER.search(url) or _HOOK.search(url):
                yield Span(match.start(), match.start() + len(url), self.kind)
