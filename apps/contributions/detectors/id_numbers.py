"""Numbers that states and banks give to people: by checksum where the shape is unmistakable, else behind their name."""

import re
from collections.abc import Callable, Iterator

from stdnum.ch import ssn as ch_ssn
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.us import ssn

from apps.contributions.detectors.base import Kind, Span, count_digits, matches_at, word_set

_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), ssn.is_valid),
    (re.compile(r"(?<![\w-])\d{2} \d{3} \d{3} \d{3}(?![\w-]| \d)"), idnr.is_valid),
    (re.compile(r"(?<!\w)\d{8}-?[A-Z](?!\w)"), dni.is_valid),
    (re.compile(r"(?<!\w)[XYZ]-?\d{7}-?[A-Z](?!\w)"), nie.is_valid),
    (re.compile(r"(?<!\w)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}(?!\w)"), nir.is_valid),
    (re.compile(r"(?<!\w)[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z](?!\w)"), codicefiscale.is_valid),
    (re.compile(r"(?<!\w)756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}(?!\w)"), ch_ssn.is_valid),
    # HMRC: neither D, F, I, Q, U, V nor O; the last letter A to D.
    (re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"), bool),
)

# What follows such a word is taken as it is, mistyped or not: five to twenty letters and digits, some of them digits.
_NAMED = re.compile(
    r"""(?:
      ssn | social\ security(?:\ (?:number|no))? | national\ insurance(?:\ (?:number|no))? | nino
    | nhs(?:\ (?:number|no))?
    | medicare(?:\ (?:number|no))? | (?:tax(?:payer)?|tax\ file)(?:\ (?:id|number|no|identification\ number))
    | itin | ein | passport(?:\ (?:number|no|nr))? | (?:driver'?s?|driving)[’']?s?\ licen[cs]e(?:\ (?:number|no))?
    | identity\ card(?:\ (?:number|no))? | national\ id(?:\ number)? | id\ card(?:\ (?:number|no))? | employee\ id | vin
    | (?:bank\ )?account(?:\ (?:number|no))? | sort\ code | routing(?:\ number)?
    | steuer-?\ ?(?:id|nr|nummer|identifikationsnummer)(?:nr)? | ust-?\ ?id(?:-?\ ?nr)?
    | sozialversicherungs(?:nummer|nr) | rentenversicherungsnummer | versichertennummer | krankenversichertennummer
    | (?:personal)?ausweis-?\ ?(?:nummer|nr) | reisepass(?:nummer|nr)? | führerschein(?:nummer|nr)
    | ahv-?\ ?(?:nummer|nr) | svnr
    | konto(?:nummer|nr) | bankleitzahl | blz
    | num[ée]ro\ de\ s[ée]curit[ée]\ sociale | nir | passeport | carte\ d['’]identité | siret | siren
    | dni | nie | nif | cif | pasaporte | número\ de\ la\ seguridad\ social
    | codice\ fiscale | partita\ iva | passaporto | carta\ d['’]identità | patente
    | bsn | burgerservicenummer | paspoort(?:nummer)? | pesel | nip | cpf | cnpj | personnummer | fødselsnummer | cpr
    )(?:\ (?:del\ cliente|number|no|nr|id))?\.?[\"']?\s{0,2}(?:is|ist|lautet|est|es|è|:|\#|=)?\s{0,2}[\"']?
    (?P<number>[A-Za-z0-9](?:[ ./-]?[A-Za-z0-9]){3,24})""",
    re.VERBOSE | re.IGNORECASE,
)
# A word of the sentence does not belong to the number before it.
_NUMBER = re.compile(r"[A-Za-z]{0,3}(?:[ ./-]?(?:[A-Za-z]{0,8}\d[A-Za-z0-9]*|[A-Z]{1,2}(?![a-z])))+")
# The first words of those names.
_NAMES = word_set("""
    ssn social national nino nhs medicare tax taxpayer itin ein passport driver drivers driving identity id employee
    vin account bank sort routing steuer steuerid steuernummer steueridentifikationsnummer ust ustid
    sozialversicherungsnummer sozialversicherungsnr rentenversicherungsnummer versichertennummer
    krankenversichertennummer personalausweisnummer personalausweis ausweisnummer ausweis reisepass reisepassnummer
    führerscheinnummer führerscheinnr ahv ahvnummer svnr kontonummer kontonr konto bankleitzahl blz numéro numero nir
    passeport carte siret siren dni nie nif cif pasaporte número codice partita passaporto carta patente bsn
    burgerservicenummer paspoort paspoortnummer pesel nip cpf cnpj personnummer fødselsnummer cpr
""")
_LEAST_DIGITS = 4
_LEAST_OF_SHAPES = 6


class IDNumbers:
    name = "id_numbers"
    kind = Kind.ID_NUMBER
    title = "Numbers of persons and accounts"

    def needs(self, text: str) -> bool:
        return count_digits(text) >= _LEAST_DIGITS

    def find(self, text: str) -> Iterator[Span]:
        yield from self._by_shape(text) if count_digits(text) >= _LEAST_OF_SHAPES else ()
        yield from self._by_name(text)

    def _by_shape(self, text: str) -> Iterator[Span]:
        for shape, is_valid in _SHAPES:
            for match in shape.finditer(text):
                if is_valid(match[0]):
                    yield Span(match.start(), match.end(), self.kind)

    def _by_name(self, text: str) -> Iterator[Span]:
        for match in matches_at(_NAMES, _NAMED, text):
            number = _NUMBER.match(match["number"])
            if number and sum(map(str.isdigit, number[0])) >= _LEAST_DIGITS:
                yield Span(match.start("number"), match.start("number") + number.end(), self.kind)
