"""Postal addresses: a street with its number as seven languages write it, and the town behind; post boxes; towns
with their post code where its shape is unmistakable."""

import re
from collections.abc import Iterator
from typing import Final

from apps.contributions.detectors.base import (
    LETTER,
    Kind,
    Span,
    cased_words_of,
    count_digits,
    matches_at,
    word_set,
    words_of,
)

_CAP: Final = rf"(?=[^\W\d_a-zß-öø-ÿ]){LETTER}[\w\u0300-\u036f.'’-]*"  # a word with a capital letter
_UK_CODE: Final = r"(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2})"
_STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]"
    r"|UT|V[AT]|W[AIVY])"
)
_PROVINCE: Final = r"(?:AB|BC|MB|N[BLSTU]|ON|PE|QC|SK|YT)"
_CODE: Final = (
    rf"(?:{_STATE} \d{{5}}(?:-\d{{4}})?(?!\d)|{_PROVINCE},? [A-Z]\d[A-Z] ?\d[A-Z]\d|{_UK_CODE}(?!\w)|{_STATE}(?!\w))"
)
_COUNTRY: Final = (
    r"(?:,\s*(?:USA|U\.S\.A\.|United States|UK|United Kingdom|England|Scotland|Wales|Ireland|Canada|Germany|Deutschland"
    r"|Austria|Österreich|Switzerland|Schweiz|France|Spain|España|Italy|Italia|Netherlands)(?!\w))?"
)
_TOWN: Final = rf"{_CAP}(?:[ -](?:{_CAP}|am|an der|im|in|ob der|sur|sous|de|del|la|le|on|upon|the)){{0,3}}"

_ENGLISH_STREETS: Final = (
    r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|terrace|way|close"
    r"|crescent"
    r"|parkway|pkwy|highway|hwy|row|walk|grove|gardens|mews|rise|quay|circle|cir|trail|hill|park|green|parade|wharf"
    r"|cottages)"
)
_UNIT: Final = r"(?:(?i:flat|apt\.?|apartment|unit|suite|ste\.?|room|floor|#)\s?[\w-]{1,6})"
_ENGLISH_TAIL: Final = (
    rf"(?:,?\s+{_UNIT})?(?:,?\s+{_CODE}|,\s*{_TOWN}(?:,?\s+{_CODE})?(?:,\s*{_TOWN},?\s+{_CODE})?"
    rf"|\s+{_TOWN},?\s+{_CODE})?{_COUNTRY}"
)
_ENGLISH = re.compile(
    rf"(?<![\w$€£.,-])(?:{_UNIT},\s*)?\d{{1,5}}[A-Za-z]?(?:-\d{{1,4}})?,?\s+(?:(?:[NSEW]|North|South|East|West)\.?\s+)?"
    rf"(?:{_CAP}\s+){{1,4}}?(?:(?i:{_ENGLISH_STREETS})(?!\w)\.?)(?:\s(?:East|West|North|South|[NSEW])(?!\w))?"
    rf"(?:,\s*{_CAP} (?i:{_ENGLISH_STREETS})(?!\w))?{_ENGLISH_TAIL}"
)
_ENGLISH_SMALL = re.compile(
    r"(?<![\w$€£.,-])\d{1,5}[a-z]?\s+(?:[a-z]+\s){1,2}(?:street|avenue|road|lane|drive|boulevard)(?!\w)"
    r"(?:,\s*[a-z]+(?=\W*$|[.,;\n]))?"
)
_LONE_TOWN = re.compile(
    rf"(?<![\w])(?:{_CAP},?\s){{0,4}}{_TOWN},?\s+(?:{_STATE} \d{{5}}(?!\d)"
    rf"|[A-Z]{{1,2}}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{{2}}(?!\w)"
    rf"|{_PROVINCE},? [A-Z]\d[A-Z] \d[A-Z]\d)"
)

_CONTINENTAL_TOWN: Final = rf"(?:(?:[A-Z]{{1,2}}-)?\d{{4,5}}(?:-\d{{3}})?|\d{{4}} ?[A-Z]{{2}}(?![a-z]))\s+{_TOWN}"
_CONTINENTAL_TAIL: Final = (
    rf"(?:\s*[,\n]\s*\d{{1,2}}[ºª°]\s?[\w.-]{{0,4}})?(?:\s*[,\n–-]\s*"
    rf"(?:in\s+)?{_CONTINENTAL_TOWN}|\s+(?:in|à|a)\s+{_CONTINENTAL_TOWN})?{_COUNTRY}"
)
_NUMBER: Final = r"\d{1,4}(?:\s?[a-zA-Z](?![\w]))?(?:\s?[-/]\s?\d{1,4}[a-z]?)?(?![\w%€:]|[.,]\d)"
_GERMAN = re.compile(
    rf"(?<!\w)(?:(?=[A-ZÄÖÜ])[\w-]{{2,}}(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer|chaussee|steig"
    rf"|hof|graben|markt|park)"
    rf"|{_CAP}(?: {_CAP})?[ -](?:Straße|Strasse|Str\.|Allee|Weg|Platz|Ring|Damm))\s+{_NUMBER}{_CONTINENTAL_TAIL}"
)
_GERMAN_PLACE = re.compile(
    rf"(?<!\w)(?:Am|An der|An den|Auf der|Auf dem|Im|In der|In den|Zum|Zur|Unter den|Hinter der|Vor dem|Alte[rns]?"
    rf"|Neue[rns]?)"
    rf"(?: {_CAP}){{1,2}} {_NUMBER}\s*[,\n]\s*{_CONTINENTAL_TOWN}"
)
_DUTCH = re.compile(
    rf"(?<!\w)(?=[A-Z])\w+(?:straat|laan|gracht|kade|singel|plein|dijk|steeg|weg)\s{_NUMBER}{_CONTINENTAL_TAIL}"
)
_LINK: Final = (
    r"(?:de la|de las|de los|de l['’]|de|du|des|del|della|dello|dei|degli|delle|di|da|das|dos|do|la|le|les"
    r"|los|las|el|l['’]|d['’]|y|e|et)"
)
_NAME: Final = rf"(?:{_LINK}\s?){{0,3}}{_CAP}(?:\s(?:{_LINK}\s?){{0,2}}{_CAP}){{0,3}}"
_FRENCH = re.compile(
    r"(?<![\w,.])\d{1,4}(?:\s?(?:bis|ter|quater))?,?\s+(?i:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|allée"
    r"|quai|route|cours|square|passage)"
    rf"\s+{_NAME}{_CONTINENTAL_TAIL}"
)
_SOUTHERN = re.compile(
    r"(?<!\w)(?i:calle|c/|avenida|avda\.?|av\.|plaza|paseo|camino|ronda|carrer|rua|praça|travessa|via|viale|piazza"
    r"|corso|vicolo|largo"
    rf"|piazzale|strada)\s+{_NAME},?\s+(?:n[ºo°.]{{1,2}}\s?|núm\.?\s?)?{_NUMBER}{_CONTINENTAL_TAIL}"
)
_BOX = re.compile(
    r"(?<!\w)(?:(?i:p\.?\s?o\.?\s?box|post office box|postfach|casella postale|apartado(?: de correos)?|postbus"
    r"|caixa postal)|BP)\s+"
    rf"\d[\d ]{{0,8}}\d?(?!\w)(?:,?\s*(?:{_CONTINENTAL_TOWN}|{_TOWN},?\s+{_CODE}))?"
)
_TOLD = re.compile(
    r"(?:(?i:address|adresse|anschrift|dirección|indirizzo|adres|street|straße)(?:\s(?:is|ist|est|es|è))?\s?:?\s"
    r"|(?i:live|lives|living|moved|office|shop|flat|house)\s(?:is\s)?(?:at|to)\s)"
    rf"(?P<place>(?:{_CAP}\s){{0,3}}\d{{1,5}}[a-z]?,?\s{_NAME}(?:,\s*{_TOWN})?(?:,?\s+{_CODE})?)"
)
_NO_STREET = re.compile(
    r"(?:park|arbeits|sitz|stell|spiel|sport|steh|aus|um|heim|hin|rück|fuß|bahn|bauern|arbeits|flug|super|bau|floh"
    r"|wochen|lehr|frei|an|vor)"
    r"(?:platz|weg|hof|markt|park)\b|(?:im|am|zum|zur)\s+(?:januar|februar|märz|april|mai|juni|juli|august|september"
    r"|oktober"
    r"|november|dezember|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)",
    re.IGNORECASE,
)

_ENGLISH_WORDS = frozenset(re.findall(r"[a-z]+", _ENGLISH_STREETS[3:]))
_CODES = frozenset(
    re.findall(
        r"[A-Z]{2}",
        "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK"
        " OR PA RI SC SD TN TX UT VA VT WA WI WV WY AB BC MB NB NL NS NT NU ON PE QC SK YT",
    )
)
# What of a street's name stands before its number.
_GERMAN_ENDS = (
    *("traße ", "trasse ", "tr. ", "weg ", "Weg ", "llee ", "latz ", "gasse ", "ring ", "Ring ", "amm ", "ufer "),
    *("chaussee ", "steig ", "hof ", "graben ", "markt ", "park "),
)
_GERMAN_PLACES = word_set("am an auf im in zum zur unter hinter vor alte alter altes neue neuer neues")
_DUTCH_ENDS = ("straat ", "laan ", "gracht ", "kade ", "singel ", "plein ", "dijk ", "steeg ", "weg ")
_FRENCH_WORDS = word_set("rue avenue av boulevard bd place chemin impasse allée quai route cours square passage")
_SOUTHERN_WORDS = word_set("""
    calle c avenida avda av plaza paseo camino ronda carrer rua praça travessa via viale piazza corso vicolo largo
    piazzale strada
""")
_BOX_WORDS = word_set("p po pobox post postfach casella apartado postbus caixa bp")
_TOLD_WORDS = word_set(
    "address adresse anschrift dirección indirizzo adres street straße live lives living moved office shop flat house"
)


class Addresses:
    name = "addresses"
    kind = Kind.ADDRESS
    title = "Postal addresses"

    def needs(self, text: str) -> bool:
        return count_digits(text) > 0

    def find(self, text: str) -> Iterator[Span]:
        for match in _matches(text):
            if not _NO_STREET.match(match[0]):
                yield Span(*match.span("place" if match.re is _TOLD else 0), self.kind)


def _matches(text: str) -> Iterator[re.Match[str]]:
    for pattern, starts in _BY_START:
        yield from matches_at(starts, pattern, text)
    words = words_of(text)
    for pattern, needed in _BY_NUMBER:
        if not needed.isdisjoint(words):
            numbers = frozenset(word for word in words if word[0].isdigit())
            yield from matches_at(numbers | _UNITS, pattern, text)
    for pattern, ends in _BY_END:
        if any(end in text for end in ends):
            yield from pattern.finditer(text)
    if not _CODES.isdisjoint(cased := cased_words_of(text)) or any(_IS_UK.match(word) for word in cased):
        yield from _LONE_TOWN.finditer(text)


_IS_UK = re.compile(r"\d[ABD-HJLNP-UW-Z]{2}\Z")
_UNITS = word_set("flat apt apartment unit suite ste room floor")
_BY_NUMBER = (
    (_ENGLISH, _ENGLISH_WORDS),
    (_ENGLISH_SMALL, word_set("street avenue road lane drive boulevard")),
    (_FRENCH, _FRENCH_WORDS),
)
_BY_START = (
    (_GERMAN_PLACE, _GERMAN_PLACES),
    (_SOUTHERN, _SOUTHERN_WORDS),
    (_BOX, _BOX_WORDS),
    (_TOLD, _TOLD_WORDS),
)
_BY_END = ((_GERMAN, _GERMAN_ENDS), (_DUTCH, _DUTCH_ENDS))
