"""Keys, tokens and passwords: by the marks their makers give them, or by the word that stands before them."""

import re
from collections.abc import Iterator

from apps.contributions.detectors.base import Kind, Span, has_one_of, matches_at, word_set

_LONG = 16  # characters: shorter ones need a word that announces them
_MARKED = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-[\w-]{16,}                                  # OpenAI (sk-, sk-proj-), Anthropic (sk-ant-)
    | (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}           # AWS
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,}
    | glpat-[\w-]{16,}
    | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{10,}      # Slack
    | [srp]k_(?:live|test)_[A-Za-z0-9]{10,} | whsec_[\w+/=-]{16,}  # Stripe
    | AIza[\w-]{30,} | ya29\.[\w-]{10,}              # Google
    | hf_[A-Za-z0-9]{20,}                            # Hugging Face
    | r8_[A-Za-z0-9]{20,}                            # Replicate
    | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{30,}
    | SG\.[\w-]{16,}\.[\w-]{16,}                     # SendGrid
    | fw_[A-Za-z0-9]+_[\w-]{10,}                     # our own
    | \d{8,10}:[\w-]{30,}                            # Telegram
    | eyJ[\w-]{8,}\.[\w-]{6,}(?:\.[\w-]*)?           # JSON web tokens
    )""",
    re.VERBOSE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\x00]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\x00)|\Z)")

_PASSWORD = (
    r"(?:pass(?:word|wort|phrase|code|wd)|pwd|pw|kennwort|mot de passe|mdp|contraseña|clave|senha|wachtwoord|lösenord"
    r"|hasło|parola|door code|secret)"
)
_KEY = (
    r"(?:token|api[ _-]?key|access[ _-]?key|secret[ _-]?key|private[ _-]?key|[ _-]key|^key|key|credentials?|cookie"
    r"|sess(?:ion)?)"
)
_QUOTED = r"""(?:"(?P<double>[^"\n\x00]{3,120})"|'(?P<single>[^'\n\x00]{3,120})'|“(?P<curly>[^”\n\x00]{3,120})”)"""
_BARE = r"(?P<bare>[^\s\"'“”,;<>{}\x00][^\s\"'“”,<>{}\x00]{2,199})"
_ASSIGNED = re.compile(
    rf"(?<![A-Za-z])(?:[\w-]{{0,40}}[_-])?(?:{_PASSWORD}|{_KEY})s?[\"']?\s{{0,3}}(?::=|=>|[:=])\s{{0,3}}(?:{_QUOTED}|{_BARE})",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"(?<![A-Za-z]){_PASSWORD}\s+(?:is|was|lautet|ist|est|es|è|war|:)\s+(?:{_QUOTED}|{_BARE})", re.IGNORECASE
)
# "is" and an ordinary word: only where nothing follows that would make it part of a sentence ("is entirely numeric").
_WORD_TOLD = re.compile(
    r"(?i:pass(?:word|wort|phrase)|kennwort)\s+(?:is|lautet|ist):?\s+\w{4,}(?=[.,!]?\s*(?:\Z|\n)|,? (?:and|but|und"
    r"|aber)\b)"
)
_PIN = re.compile(
    r"(?<![A-Za-z])(?:pin|tan|cvv|cvc)(?:\s(?:code|is|was|ist|lautet|war))*\s*[:=]?\s*(?P<bare>\d{3,8})(?!\w)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?:authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?|bearer\s+)(?P<bare>[^\s\"'<>\x00,;]{8,})",
    re.IGNORECASE,
)
_CUE = re.compile(r"key|token|secret|credential|passw|auth|sess|signature|pwd", re.IGNORECASE)
_RANDOM = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,}={0,2}(?![\w+/])")
_NEAR = 40  # characters between a cue word and the string behind it

_CUE_WORDS = word_set("""
    password passwords passwort passphrase passcode passwd pwd pw kennwort mdp passe contraseña clave senha wachtwoord
    lösenord hasło parola secret token key apikey code credential credentials cookie sess session pin tan cvv cvc
    authorization bearer
""")
# The first words of each pattern.
_PASSWORDS = word_set("""
    password passwort passphrase passcode passwd pwd pw kennwort mot mdp contraseña clave senha wachtwoord lösenord
    hasło parola door secret
""")
_PINS = word_set("pin tan cvv cvc")
_HEADERS = word_set("authorization bearer")
_NO_SECRETS = word_set("""
    a an and as at be been but by case changed correct does expired forgotten from has have i if in incorrect invalid
    it its kept lost missing must my needed needs never no none not null of on only or otp required reset right
    sensitive set short should still stolen strong that the this to too true false undefined unknown valid very weak
    what when where which with working wrong you your yes always also blocked gesperrt falsch nicht nur richtig
    vergessen abgelaufen zu ein eine der die das incorrecto incorrecta oublié faux pas sbagliata errata string str
    text optional token password secret key value code bearer basic
""")  # fmt: skip


class Secrets:
    name = "secrets"
    kind = Kind.SECRET
    title = "Keys, tokens and passwords"

    def needs(self, text: str) -> bool:
        return _has_cue(text) or _longest(text) >= _LONG

    def find(self, text: str) -> Iterator[Span]:
        if is_long := _longest(text) >= _LONG:
            for match in _MARKED.finditer(text):
                yield Span(match.start(), match.end(), self.kind)
        if "BEGIN " in text:
            for match in _PEM.finditer(text):
                yield Span(match.start(), match.end(), self.kind)
        if is_long or _has_cue(text):
            yield from self._behind_a_cue(text, is_long=is_long)

    def _behind_a_cue(self, text: str, *, is_long: bool) -> Iterator[Span]:
        if ":" in text or "=" in text:
            for match in _ASSIGNED.finditer(text):
                yield from self._value(match, is_loose=not re.search(_PASSWORD, match[0], re.IGNORECASE))
        for match in matches_at(_PASSWORDS, _TOLD, text):
            if (
                match.lastgroup != "bare"
                or not match["bare"].strip(".,!?").isalpha()
                or _WORD_TOLD.match(text, match.start())
            ):
                yield from self._value(match, is_loose=False)
        for match in matches_at(_PINS, _PIN, text):
            yield from self._value(match, is_loose=False)
        for match in matches_at(_HEADERS, _HEADER, text):
            yield from self._value(match, is_loose=True)
        for match in _RANDOM.finditer(text) if is_long else ():
            if _CUE.search(text, max(0, match.start() - _NEAR), match.start()) and looks_random(match[0]):
                yield Span(match.start(), match.end(), self.kind)

    def _value(self, match: re.Match[str], *, is_loose: bool) -> Iterator[Span]:
        """`is_loose`: after a word such as "key", which much else stands behind, only what mixes letters and digits."""
        group = match.lastgroup or "bare"
        value = match[group]
        if group == "bare":
            value = value.rstrip(".,:?)]") or value
        if value.casefold().strip("!*'\"`") in _NO_SECRETS or (is_loose and not is_mixed(value)):
            return
        if set(value) <= set("*•.xX-_"):
            return  # blanked out already
        yield Span(match.start(group), match.start(group) + len(value), self.kind)


def _longest(text: str) -> int:
    """Characters of the longest piece without a space."""
    return max(map(len, text.split()), default=0)


def _has_cue(text: str) -> bool:
    """As a word, or inside a name such as DB_PASSWORD or "access-token"."""
    return has_one_of(text, _CUE_WORDS) or ("_" in text and _CUE.search(text) is not None)


def is_mixed(value: str) -> bool:
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def looks_random(value: str) -> bool:
    """Letters of both cases and digits, or hexadecimal: no word, path or identifier is written so."""
    if re.fullmatch(r"[0-9a-f]{32,}|[0-9A-F]{32,}", value):
        return True
    digits = sum(map(str.isdigit, value))
    return digits >= 2 and any(map(str.islower, value)) and any(map(str.isupper, value))
