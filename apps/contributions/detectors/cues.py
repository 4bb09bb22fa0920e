"""Words that announce the name of a person, in seven languages, each pattern with words of which one must be there."""

import re
from typing import Final, NamedTuple

from apps.contributions.detectors.base import LETTER, word_set
from apps.contributions.detectors.words import TITLES


class Cue(NamedTuple):
    pattern: re.Pattern[str]  # with a group called "name"
    starts: frozenset[str]  # the words that it begins with
    words: frozenset[str] = frozenset()  # one of which must be there, too
    is_label: bool = False  # ends in a colon, and begins a line or stands behind a comma and the like


PLAIN: Final = rf"{LETTER}(?:[^\W\d_]|[\u0300-\u036f]|['’](?!s\b)(?={LETTER})|-(?={LETTER}))*"
CAP: Final = rf"(?=[^\W\d_a-zß-öø-ÿ]){PLAIN}"
_PARTICLES: Final = r"(?:van|von|vom|zu|zur|de|da|do|dos|das|del|della|di|du|la|le|den|der|ter|ten|bin|ibn|al|el|y|of)"
NAME: Final = (
    rf"(?:(?:Dr|Prof|Doctor|Professor|Ing"
    rf"|Dipl)\.?[ \u00a0])*(?:[A-Z]\.[ \u00a0]?)*{CAP}(?:[ \u00a0](?:{_PARTICLES}[ \u00a0]){{0,2}}(?:{CAP}"
    rf"|[A-Z]\.)){{0,3}}(?![^\W\d_])"
)
_END: Final = r"(?=\s*(?:[,!.:;?)\n–-]|$)|\s+(?:and|und|et|y|e|here)\b)"

_TITLE = re.compile(
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Captain|Herrn?|Frau|Fräulein|Familie|M|Mme|Mlle"
    r"|Monsieur|Madame|Sr|Sra|Srta|Señora?"
    r"|[Ss]eñora?|Don|Doña|Sig|Sig\.ra|[Ss]ignora?|Signor|Dott|Dott\.ssa|Dottor|Dottoressa|[Uu]ncle|[Aa]unt|Aunty"
    r"|Onkel|Tante|Zio|Zia|Tía|Tío|Nachbar|Nachbarin"
    rf"|Kundin|Kollegin|Madam|Nurse|Judge|User|Coach|Captain)(?:\.|(?=[ \u00a0]))[ \u00a0]?(?P<name>{NAME})"
)
_NAMED = re.compile(
    r"(?:(?i:my name is|my name['’]s|name was|i am called|i['’]m called|call me|mein name ist|ich hei(?:ß|ss)e"
    r"|je m['’]appelle|me llamo|mi nombre es"
    r"|mi chiamo|il mio nome è|meu nome é|me chamo|mijn naam is|ik heet|jag heter|nazywam się|benim adım|jmenuji se"
    r"|(?:is|was|are|s|son|daughter|boy|girl|man|woman|someone) (?:called|named)|named (?:our|my|her|his) \w+"
    r"|hei(?:ß|ss)t|s['’]appelle|se llama|si chiama"
    r"|(?:under|in) the name(?: of)?|auf den namen|au nom d[e']|a nombre de|a nome di|signed by|booked by|written by"
    r"|testimonial by|belongs to|name is))"
    rf":?\s+(?P<name>{NAME})"
)
NAMED_WORDS = word_set("""
    name name's called call heiße heisse appelle llamo llama nombre chiamo chiama nome chamo naam heet heter nazywam
    adım jmenuji named heißt heisst namen nom signed booked written testimonial belongs
""")
_NAMED_STARTS = word_set("""
    my name i call mein ich je me mi il meu mijn ik jag nazywam benim jmenuji is was are s son daughter boy girl man
    woman someone named heißt se si under in auf au a signed booked written testimonial belongs
""")
NAMED_SMALL_STARTS = word_set("my mein ich je me mi")
NAMED_SMALL = re.compile(
    rf"(?i:my name is|my name['’]s|mein name ist|ich hei(?:ß|ss)e|je m['’]appelle|me llamo"
    rf"|mi chiamo)\s+(?P<name>{PLAIN}(?: {PLAIN})?)"
)
I_AM = re.compile(
    rf"(?i:i['’]?m|i am|this is|it['’]s|ich bin|hier ist|je suis|c['’]est|soy|sono|sou"
    rf"|ik ben)\s+(?P<name>{NAME})(?P<next>,| from| here| calling| speaking| aus| von| de| di)?"
)
I_AM_SMALL = re.compile(
    rf"(?i:i['’]?m|i am|this is|ich bin|ok|okay|thanks|thx|thank you|hi|hello|hey|hallo|dear"
    rf"|danke)[ ,]+(?P<name>{PLAIN}(?: {PLAIN})?)"
)
I_AM_STARTS = word_set("i im this it ich hier je c soy sono sou ik")
I_AM_SMALL_STARTS = word_set("i im this ich ok okay thanks thx thank hi hello hey hallo dear danke")
I_AM_WORDS = word_set("m am im this bin hier suis soy sono sou ben")
I_AM_SMALL_WORDS = word_set("m am im this bin ok okay thanks thx thank hi hello hey hallo dear danke")
_GREETING = re.compile(
    r"(?:(?i:dear|hi|hello|hey|hallo|liebe[rs]?|bonjour|salut|cher|chère|hola|estimad[oa]|querid[oa]|ciao"
    r"|gentile|car[oa]|moin|servus|hej|thanks|thank you"
    r"|thx|danke|merci|gracias|grazie|welcome|good (?:morning|afternoon|evening)|guten (?:tag|morgen|abend)))"
    rf"[ ,]+(?P<name>{NAME}){_END}"
)
_GREETINGS = word_set("""
    dear hi hello hey hallo liebe lieber liebes bonjour salut cher chère hola estimado estimada querido querida ciao
    gentile caro cara moin servus hej thanks thank thx danke merci gracias grazie welcome good guten
""")
_CLOSING = re.compile(
    r"(?:(?i:regards|wishes|sincerely|faithfully|cheers|best|thanks|yours|love|gr(?:ü|ue)(?:ß|ss)en?|gruß|mfg"
    r"|lg|vg|cordialement|amicalement|saludos|saluti|groet(?:en)?))"
    rf"(?: aus {CAP})?(?:[,.!]?[ \t]*\n\s*|, | (?=[A-ZÄÖÜ][^\n]*\Z))(?P<name>{NAME})(?=[.!]?[ \t]*(?:\n|\Z))"
)
_CLOSINGS = word_set("""
    regards wishes sincerely faithfully cheers best thanks yours love grüße grüsse grüßen grüssen gruesse gruß mfg lg
    vg cordialement amicalement saludos saluti groet groeten
""")
_LABEL = re.compile(
    r"(?i:(?:full |first |last |middle |user ?)?name|surname|vorname|nachname|nom|prénom|nombre|apellidos?|nome"
    r"|cognome|naam"
    r"|contact(?: person)?|ansprechpartner(?:in)?|patient(?:in)?|passenger|guest|driver|fahrer(?:in)?|kund(?:e|in)"
    r"|client|customer|from|von|cc"
    r"|signed|speaking|author|account holder|kontoinhaber(?:in)?|karteninhaber(?:in)?|cardholder|tenant|mieter(?:in)?"
    r"|employee|teacher|doctor|lieferadresse|to|an"
    rf"|interviewee|titulaire)[ \t]*:[ \t]*(?P<name>{NAME})"
)
_LABELS = word_set("""
    full first last middle user account name username surname vorname nachname nom prénom nombre apellido apellidos
    nome cognome naam contact person ansprechpartner ansprechpartnerin patient patientin passenger guest driver fahrer
    fahrerin kunde kundin client customer from von cc signed speaking author holder kontoinhaber kontoinhaberin
    karteninhaber karteninhaberin cardholder tenant mieter mieterin employee teacher doctor lieferadresse to an
    interviewee titulaire
""")
_ATTENTION = re.compile(rf"(?i:zu händen|z\. ?hd\.|attention|attn|c/o|cc):?[ \t]+(?P<name>{NAME})")
_ATTENTIONS = word_set("zu z attention attn c cc")
_RELATION = re.compile(
    r"(?i:my|our|his|her|their|the|mein(?:e[rmn]?)?|unser(?:e[rmn]?)?|und unser|mon|ma|notre|mi|mis|nuestr[oa]"
    r"|mio|mia|il mio|la mia|der|die|la|le|el)\s(?:(?i:new|old|old friend|best|younger|older|little|big)\s)?"
    r"(?i:wife|husband|partner|spouse|son|daughter|brother|sister|mother|mum|mom|father|dad|uncle|aunt|cousin|niece"
    r"|nephew|grandmother|grandfather|friend"
    r"|colleague|boss|manager|assistant|neighbour|neighbor|landlord|landlady|tenant|doctor|dentist|teacher|instructor"
    r"|patient|driver|nurse|flatmate|roommate"
    r"|girlfriend|boyfriend|fiancée?|owner|agent|courier"
    r"|frau|mann|sohn|tochter|bruder|schwester|mutter|vater|freund|freundin|kollege|kollegin|chef|chefin|vermieter"
    r"|vermieterin|nachbar|nachbarin|arzt|ärztin|kundin|ansprechpartnerin"
    r"|femme|mari|fils|fille|frère|sœur|soeur|mère|père|ami|amie|collègue|patron|voisin|voisine"
    r"|mujer|esposa|esposo|marido|hijo|hija|hermano|hermana|madre|padre|amigo|amiga|jefe|jefa|vecino|vecina"
    r"|moglie|marito|figlio|figlia|fratello|sorella|collega|capo|vicino|vicina)"
    rf"(?:['’]s name(?: is| was)?|['’]s)?(?:,| is| was| ist| hei(?:ß|ss)t)?\s(?P<name>{NAME})"
)
_OWNERS = word_set("""
    my our his her their the mein meine meiner meinem meinen unser unsere unserer unserem unseren und mon ma notre mi
    mis nuestro nuestra mio mia il la der die le el
""")
_RELATIONS = word_set("""
    wife husband partner spouse son daughter brother sister mother mum mom father dad uncle aunt cousin niece nephew
    grandmother grandfather friend colleague boss manager assistant neighbour neighbor landlord landlady tenant doctor
    dentist teacher instructor patient driver nurse flatmate roommate girlfriend boyfriend fiancé fiancée owner agent
    courier frau mann sohn tochter bruder schwester mutter vater freund freundin kollege kollegin chef chefin
    vermieter vermieterin nachbar nachbarin arzt ärztin kundin ansprechpartnerin femme mari fils fille frère sœur
    soeur mère père ami amie collègue patron voisin voisine mujer esposa esposo marido hijo hija hermano hermana madre
    padre amigo amiga jefe jefa vecino vecina moglie marito figlio figlia fratello sorella collega capo vicino vicina
""")
DEED = re.compile(
    rf"(?P<name>{CAP}(?: {CAP})?)(?: here[,.]| (?:said|says|told|asked|asks|wrote|promised|replied|thinks|wants"
    rf"|emailed|texted|phoned|didn['’]t like)\b)"
)
DEEDS = word_set("""
    here said says told asked asks wrote promised replied thinks wants emailed texted phoned didn
""")
_ADDRESSED = re.compile(
    r"(?i:ask|asked|tell|told|give|gave|(?:spoke|speak|speaking|talk|talked|talking) (?:to|with)|meeting|met"
    r"|frag|frage|sag)"
    rf"\s(?P<name>{CAP}(?: (?:{_PARTICLES} )?{CAP})?)"
)
_ADDRESSED_WORDS = word_set("""
    ask asked tell told give gave spoke speak speaking talk talked talking meeting met frag frage sag
""")
INITIALS = re.compile(
    rf"(?<![\w.])(?!U\. ?S|U\. ?K|P\. ?O|z\. ?B|d\. ?h|S\. ?A|B\. ?V|N\. ?V)(?:[A-Z]\. ?){{1,3}}(?P<name>{CAP})"
)


CUES: Final = (
    Cue(_TITLE, TITLES),
    Cue(_NAMED, _NAMED_STARTS, NAMED_WORDS),
    Cue(_GREETING, _GREETINGS),
    Cue(_CLOSING, _CLOSINGS),
    Cue(_LABEL, _LABELS, is_label=True),
    Cue(_ATTENTION, _ATTENTIONS),
    Cue(_RELATION, _OWNERS, _RELATIONS),
    Cue(_ADDRESSED, _ADDRESSED_WORDS),
)
CUE_WORDS: Final = frozenset.union(
    *(cue.starts for cue in CUES), DEEDS, I_AM_STARTS, I_AM_SMALL_STARTS, NAMED_SMALL_STARTS
)
CAPITALS: Final = frozenset("ABCDEFGHJKLMNOPQRSTUVWXYZ")  # not I: a word
