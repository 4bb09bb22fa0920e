"""Names of businesses: before a legal form, behind a word such as "company", with a trade in the name."""

import re
from collections.abc import Iterator
from typing import Final

from apps.contributions.detectors.base import (
    LETTER,
    Kind,
    Span,
    cased_words_of,
    has_one_of,
    matches_at,
    word_set,
    words_of,
)
from apps.contributions.detectors.words import NO_NAMES

_CAP: Final = rf"(?=[^\W\d_a-zß-öø-ÿ]){LETTER}[\w\u0300-\u036f'’-]*"
_LINK: Final = (
    r"(?: ?& ?| (?:of|of the|for|de|du|de la|del|della|di|y|et|van|von|der|für|Dr\.|St\.) |, (?=[^\n]{2,40}&)| )"
)
_NAME: Final = rf"{_CAP}(?:{_LINK}{_CAP}){{0,5}}"
_LEGAL: Final = (
    r"(?:GmbH(?: ?& ?Co\.? ?KG(?:aA)?)?|mbH|gGmbH|AG(?: ?& ?Co\.? ?KG)?|KGaA|KG|OHG|UG(?: \(haftungsbeschränkt\))?|GbR"
    r"|PartG(?:mbB)?"
    r"|e\. ?K\.|e\. ?V\.|eG|SE|Ges\.m\.b\.H\.|Co\.,? Ltd\.?|Co\.,? Inc\.?|Pty\.? Ltd\.?|Pvt\.? Ltd\.?|Ltd\.?|Limited"
    r"|Inc\.?|Incorporated"
    r"|LLC|L\.L\.C\.|LLP|PLLC|P\.?C\.|PLC|plc|LP|Corp\.?|Corporation|S\.A\.S\.|SAS|SARL|S\.à ?r\.l\.|S\.A\.R\.L\."
    r"|S\.A\.|SA|S\.L\.U?\.?|SL|S\.p\.A\.|SpA"
    r"|S\.r\.l\.s?\.?|S\.R\.L\.|SRL|Srl|S\.n\.c\.|S\.C\.|B\.V\.|BV|N\.V\.|NV|V\.O\.F\.|Oy|Oyj|AB|A/S|ApS|AS|ASA"
    r"|Sp\. ?z ?o\. ?o\.|s\.r\.o\.|d\.o\.o\."
    r"|Kft\.?|Ltda\.?|Lda\.?|A\.Ş\.|Cooperative|Co-op)"
)
_FORM = re.compile(rf"(?<!\w)(?P<name>{_NAME},? {_LEGAL})(?!\w)")
_FORM_WORDS = word_set("""
    gmbh mbh ggmbh kgaa ohg gbr partg partgmbb ltd limited inc incorporated llc llp pllc plc corp corporation sas sarl
    srl spa bv nv oy oyj aps asa kft ltda lda cooperative
""")
_LETTERS = frozenset("SBNLPKVerozŞ")  # one of which stands alone in S.A., B.V., A/S, e.K., s.r.o. and the like
_SHORT_FORMS = _LETTERS | frozenset(
    {"AG", "KG", "UG", "eG", "SE", "LP", "PC", "SA", "SL", "AB", "AS", "Co"}
)  # as written; else words

_TRADES: Final = (
    r"(?:Bakery|Brewery|Consulting|Plumbing|Roofing|Landscaping|Realty|Logistics|Analytics|Holdings?|Industries"
    r"|Enterprises|Solutions|Systems"
    r"|Partners|Associates|Studios?|Interiors|Dental(?: Group| Care| Practice)?|Veterinary(?: Clinic| Practice)?"
    r"|Clinic|Dentistry|Orthopaedics|Optics|Opticians"
    r"|Florists?|Publishing|Motors|Freight|Furniture|Construction|Builders|Electric|Electrical|Catering|Rentals?|Tours"
    r"|Travel Agency|Insurance Services"
    r"|Law Firm|Solicitors|Attorneys|Accountants|Capital|Ventures|Labs|Laboratories|Academy|(?:Sailing|Diving|Driving"
    r"|Language) School"
    r"|Property Management|Care Homes?|Cleaners|Cleaning|Pharmacy|Bookshop|Books|Boutique|Salon|Barbers|Fitness|Yoga"
    r"|Council)"
)
_TRADE = re.compile(rf"(?<!\w)(?P<name>{_CAP}(?:(?: & | ){_CAP}){{0,3}}? {_TRADES})(?!\w)")
_TRADE_WORDS = frozenset(
    word.casefold().rstrip("?") for word in re.findall(r"[A-Z][a-z]+\??", _TRADES.replace("s?", "s? ")) if word
) | word_set("studio florist rental holding home")
_FAMILY = re.compile(
    rf"(?<!\w)(?P<name>{_CAP}(?:(?:, | ){_CAP}){{0,2}} ?(?:&|and|und|et|y|e) ?(?:Sons?|Söhne|Sohn|Daughters?|Bros\.?"
    rf"|Brothers|Partners?|Associates|Fils|Hijos|Figli|Co\.?))(?!\w)"
)
_FAMILY_WORDS = word_set("""
    sons son söhne sohn daughters daughter bros brothers partner partners associates fils hijos figli co
""")
_SHOP = re.compile(
    r"(?<!\w)(?P<name>(?:Bäckerei|Metzgerei|Konditorei|Praxis|Kanzlei|Autohaus|Gasthof|Gasthaus|Landgasthof|Apotheke"
    r"|Dachdeckerei|Tischlerei"
    r"|Schreinerei|Malerbetrieb|Fahrschule|Segelschule|Stadtwerke|Spedition|Weingut|Boulangerie|Menuiserie|Pharmacie"
    r"|Garage|Panadería"
    r"|Construcciones|Talleres|Bodegas|Ristorante|Trattoria|Pizzeria|Osteria|Fratelli|Farmacia|Café|Brasserie|Bistro)"
    rf"(?: (?:Dr\.|am|zum|zur|zur|du|de la|de|della|del|da|St\.))*(?: {_CAP}){{1,3}}(?: & {_CAP})?)"
)
_SHOP_WORDS = word_set("""
    bäckerei metzgerei konditorei praxis kanzlei autohaus gasthof gasthaus landgasthof apotheke dachdeckerei
    tischlerei schreinerei malerbetrieb fahrschule segelschule stadtwerke spedition weingut boulangerie menuiserie
    pharmacie garage panadería construcciones talleres bodegas ristorante trattoria pizzeria osteria fratelli farmacia
    café brasserie bistro
""")
_SORT: Final = (
    r"(?:company|firm|business|employer|agency|start-?up|supplier|vendor|reseller|caterer|retailer|manufacturer"
    r"|contractor|client"
    r"|firma|unternehmen|arbeitgeber|betrieb|soci[ée]t[ée]|entreprise|employeur|empresa|ditta|azienda|bedrijf|empresa"
    r"|firmy)"
)
_PLACE: Final = (
    r"(?:shop|store|bakery|restaurant|bar|caf[ée]|studio|salon|hotel|charity|school|clinic|practice|club"
    r"|gym|pub|brand|band)"
)
_CUE = re.compile(
    r"(?!(?:Company|Client|Business|Agency|Contractor|Vendor|Supplier|Employer) [A-Z])"  # a headline
    rf"(?:(?i:{_SORT}(?: name)?(?:,|:)?(?: (?:is|was|called|named|heißt|ist|namens|s'appelle|se llama|si chiama"
    rf"|die|der|das))*"
    rf"|{_PLACE},? (?:is |was )?(?:called|named|namens)"
    r"|(?:work(?:s|ed|ing)?|employed|job|intern(?:ed|ship)?) (?:for|at)|hired by|on behalf of|page (?:for|of)"
    r"|(?:web)?site (?:for|of)"
    r"|(?:contract|appointment) with|we at|founded|we run|arbeite(?:t|n)? (?:bei|für)(?: der| dem)?|travaille (?:chez"
    r"|pour)|trabaj[oa] (?:en|para)|lavoro (?:per|da|presso|in))"
    rf"|(?i:invoice|rechnung|bill) (?:from|to|von|an))\s+(?:the |die |der |la |el |l['’])?(?P<name>{_NAME})"
)
_CUE_WORDS = word_set("""
    company firm business employer agency start startup supplier vendor reseller caterer retailer manufacturer
    contractor client firma unternehmen arbeitgeber betrieb société societe entreprise employeur empresa ditta azienda
    bedrijf firmy shop store bakery restaurant bar café cafe studio salon hotel charity school clinic practice club
    gym pub brand band work works worked working employed job intern interned internship hired on page website site
    contract appointment we founded arbeite arbeitet arbeiten travaille trabajo trabaja lavoro invoice rechnung bill
""")


class Businesses:
    name = "businesses"
    kind = Kind.BUSINESS
    title = "Names of businesses"

    def needs(self, text: str) -> bool:
        return has_one_of(text, _ANY) or not _SHORT_FORMS.isdisjoint(cased_words_of(text)) or "e at " in text

    def find(self, text: str) -> Iterator[Span]:
        for match in matches_at(_CUE_WORDS, _CUE, text):
            yield from _named(match, is_cue=True)
        for pattern in _patterns(text):
            for match in pattern.finditer(text):
                yield from _named(match, is_cue=False)


_BY_WORD = (
    (_FORM, _FORM_WORDS),
    (_TRADE, _TRADE_WORDS),
    (_FAMILY, _FAMILY_WORDS),
    (_SHOP, _SHOP_WORDS),
)
_ANY = _FORM_WORDS | _TRADE_WORDS | _FAMILY_WORDS | _SHOP_WORDS | _CUE_WORDS


def _patterns(text: str) -> Iterator[re.Pattern[str]]:
    """Those of which a word is there."""
    words = words_of(text)
    for pattern, needed in _BY_WORD:
        if not needed.isdisjoint(words):
            yield pattern
    if _FORM_WORDS.isdisjoint(words) and not _SHORT_FORMS.isdisjoint(cased_words_of(text)):
        yield _FORM


def _named(match: re.Match[str], *, is_cue: bool) -> Iterator[Span]:
    """The name without the words of the sentence that only stand before it ("The", "Firma")."""
    start, end = match.span("name")
    while (first := re.match(rf"{_CAP}(?:,? )", match.string[start:end])) and _begins_no_name(first[0]):
        start += first.end()
    left = match.string[start:end]
    if not left or (is_cue and _begins_no_name(left.split(" ")[0])) or re.fullmatch(_LEGAL, left):
        return
    if not is_cue and " " not in left:
        return  # a legal form or a trade, with nothing of a name before it
    yield Span(start, end, Kind.BUSINESS)


def _begins_no_name(word: str) -> bool:
    return word.strip(" ,.").casefold() in _NO_BEGINNINGS


_NO_BEGINNINGS = NO_NAMES - word_set("old may april next first")
