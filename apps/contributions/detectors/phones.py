"""Telephone numbers. `phonenumbers` says which runs of digits are one; it is slow: a pattern chooses what it sees."""

import re
from collections.abc import Iterator

import phonenumbers

from apps.contributions.detectors.base import Kind, Span, count_digits

_RUN = re.compile(
    r"(?<![\w.,#/:$€£-])(?:\+|00)?\(?\d(?:[ \u00a0]?[-./()]{0,2}[ \u00a0]?\d){5,14}(?:\s?(?:ext|x|Durchwahl"
    r"|DW)\.?\s?\d{1,5})?(?![\w%€$£]|[.,:/-]\d)",
    re.IGNORECASE,
)
_NORTH_AMERICA = re.compile(r"(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?:\D.*)?")
_NO_PHONE = re.compile(
    r"(?:19|20)\d{2}[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)"  # 2024-05-12
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)?\d{2}(?!\d)"  # 12.05.2024
    r"|(?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:19|20)?\d{2}(?!\d)"  # 05/12/2024
    r"|\d{1,3}(?:[. ]\d{3})+$"  # 1.250.000
    r"|\d{1,3}(?:\.\d{1,3}){3}$"  # 192.0.2.1
    r"|\d+\.\d+$|\d{1,3}[.,]\d{2} "  # 0.80 / 0.20
)
_CUE = re.compile(
    r"(?:\b(?:tel|t[ée]l|telefon\w*|t[ée]l[ée]phone|phone|phones|fon|call|called|ring|ruf\w*|dial|text|texted|mobile"
    r"|mob|mobil\w*|cell"
    r"|cellphone|cellulare|handy\w*|festnetz|fax|whatsapp|signal|landline|hotline|helpline|sms|portable|m[óo]vil"
    r"|tel[ée]fono|numaram"
    r"|appelez|ll[áa]m\w+|chiama\w*|bel|reach|contact)\b|(?:number|nummer|numero|num[ée]ro|número)\s*(?:is|:"
    r"|ist))[^\d\n]{0,25}$",
    re.IGNORECASE,
)
_NO_CUE = re.compile(
    r"(?:\b(?:order|orders|invoice|ticket|case|reference|ref|tracking|serial|article|artikel\w*|auftrag\w*|bestell\w*"
    r"|rechnung\w*|sku"
    r"|isbn|ean|upc|batch|lot|item|part|model|id|account|konto\w*|iban|vin|code|version|build|page|seite|pedido"
    r"|commande|ordine"
    r"|art[íi]culo|meeting|flight|coordinates|koordinaten|total|points?|punkte)\b\W{0,3}(?:\w+\W{1,3}){0,2}"
    r"|[#$€£@=]\s?)$",
    re.IGNORECASE,
)
# By shape a number without a country is most often one of these; the others need a cue or a plus.
_REGIONS = ("DE", "GB", "FR", "IT", "ES", "AT", "CH", "NL", "AU", "IE", "BE")
_LEAST_DIGITS = 6
_BEFORE = 45  # characters in which a cue is looked for


class Phones:
    name = "phones"
    kind = Kind.PHONE
    title = "Telephone numbers"

    def needs(self, text: str) -> bool:
        return count_digits(text) >= _LEAST_DIGITS

    def find(self, text: str) -> Iterator[Span]:
        for match in _RUN.finditer(text):
            for start, end in _parts(match):
                if self._is_phone(text, start, end):
                    yield Span(start, end, self.kind)

    def _is_phone(self, text: str, start: int, end: int) -> bool:
        number, before = text[start:end], max(0, start - _BEFORE)
        if number.startswith(("+", "00", "(+")):
            return can_be_dialled(number)
        if _NO_PHONE.match(number.strip("( ")):
            return False
        if _CUE.search(text, before, start):
            return True
        if _NO_CUE.search(text, before, start):
            return False
        return _NORTH_AMERICA.fullmatch(number) is not None or (number[0] in "0(6" and is_written_as_one(number))


def _parts(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The run; or, where two numbers stand beside each other, each of them."""
    run = match[0]
    second = re.search(r"(?<=\d)[ /]+(?=\+|\(?0\d{2,4}[ )/-])", run[6:])
    cut = second.end() + 6 if second and len(re.sub(r"\D", "", run)) > 15 else 0
    if cut:
        yield match.start(), match.start() + len(run[:cut].rstrip(" /"))
    yield match.start() + cut, match.end()


def can_be_dialled(number: str) -> bool:
    """A possible number with its country code; numbers set aside for films are possible, though not given out."""
    try:
        parsed = phonenumbers.parse(number.replace("(0)", "").lstrip("("), "DE")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) and len(re.sub(r"\D", "", number)) >= 8


def is_written_as_one(number: str) -> bool:
    """Whether it is a number of one of the countries we guess at, and written as people write theirs."""
    digits = re.sub(r"\D", "", number)
    if len(digits) < 9 or (digits == number and not digits.startswith(("01", "07", "06"))):
        return False
    return any(_is_valid(number, region) for region in _REGIONS)


def _is_valid(number: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
