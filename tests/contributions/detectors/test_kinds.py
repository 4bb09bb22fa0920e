"""What each detector finds and what it must leave alone. Keys are put together from halves, so that no scanner of
repositories takes them for live ones."""

import unicodedata

import pytest

from apps.contributions.detectors import DETECTORS, REPLACEMENTS, Detector, Kind, find_spans

FOUND = {
    Kind.EMAIL: [
        ("Write to anna.weber+x@mail.example.co.uk.", "anna.weber+x@mail.example.co.uk"),
        ("<kai@lab.example>", "kai@lab.example"),
        ("jürgen@münchen.example", "jürgen@münchen.example"),
        ("anna (at) firma (dot) example", "anna (at) firma (dot) example"),
    ],
    Kind.PHONE: [
        ("Call +49 30 23125 019 now", "+49 30 23125 019"),
        ("My cell is 3125550147.", "3125550147"),
        ("(415) 555-0132", "(415) 555-0132"),
        ("Ruf mich an: 0171/3920023", "0171/3920023"),
        ("0044 20 7946 0958", "0044 20 7946 0958"),
        ("Phone: 555-0187", "555-0187"),
        ("020 7946 0958 is ours", "020 7946 0958"),
    ],
    Kind.SECRET: [
        ("key sk-" + "proj-aB3dE5fG7hJ9kL1mN3pQ", "sk-" + "proj-aB3dE5fG7hJ9kL1mN3pQ"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a", "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("fw_k3Jd8sLq_9fKx2LmQ8vTz4RwY", "fw_k3Jd8sLq_9fKx2LmQ8vTz4RwY"),
        ("password: hunter2!", "hunter2!"),
        ("Das Passwort lautet Sommer2024!", "Sommer2024!"),
        ("DB_PASSWORD='p 4 ss'", "p 4 ss"),
        ("my password is marmalade", "marmalade"),
        ("my pin is 4821", "4821"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        ('"client_secret": "8f14e45fceea167a"', "8f14e45fceea167a"),
        ("the token below: Qm8Zt4Lw1Xv7Rk3Np9Bs5Hd2", "Qm8Zt4Lw1Xv7Rk3Np9Bs5Hd2"),
        ("-----BEGIN " + "PRIVATE KEY-----\nMIIE\n", "-----BEGIN " + "PRIVATE KEY-----\nMIIE\n"),
    ],
    Kind.IBAN: [
        ("IBAN DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
        ("to gb82west12345698765432", "gb82west12345698765432"),
        ("iban: DE89370400440532013001", "DE89370400440532013001"),  # the checksum is wrong, the account is somebody's
    ],
    Kind.CARD: [
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("Amex 3782-822463-10005.", "3782-822463-10005"),
    ],
    Kind.IP: [
        ("from 203.0.113.42:8080", "203.0.113.42"),
        ("from 2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3::8a2e:370:7334"),
    ],
    Kind.ID_NUMBER: [
        ("536-90-4399", "536-90-4399"),
        ("SSN: 219099999", "219099999"),
        ("Steuer-ID 36 574 261 809", "36 574 261 809"),
        ("DNI 12345678Z", "12345678Z"),
        ("RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("passport number is C01X00T47, thanks", "C01X00T47"),
        ("account number 31926819", "31926819"),
    ],
    Kind.URL: [
        ("see https://user:pass@host.example/x.", "https://user:pass@host.example/x"),
        ("https://host.example/x?a=1&access_token=abc123 here", "https://host.example/x?a=1&access_token=abc123"),
    ],
    Kind.ADDRESS: [
        ("to 1720 Maple Avenue, Apt 4B, Evanston, IL 60201", "1720 Maple Avenue, Apt 4B, Evanston, IL 60201"),
        ("221B Baker Street, London NW1 6XE", "221B Baker Street, London NW1 6XE"),
        ("Lindenallee 14b, 22767 Hamburg", "Lindenallee 14b, 22767 Hamburg"),
        ("Am Alten Markt 5, 18055 Rostock", "Am Alten Markt 5, 18055 Rostock"),
        ("au 12 bis rue des Lilas, 69003 Lyon", "12 bis rue des Lilas, 69003 Lyon"),
        ("Calle de Alcalá 45, 28014 Madrid", "Calle de Alcalá 45, 28014 Madrid"),
        ("Via Garibaldi 27, 10122 Torino", "Via Garibaldi 27, 10122 Torino"),
        ("Prinsengracht 263, 1016 GV Amsterdam", "Prinsengracht 263, 1016 GV Amsterdam"),
        ("P.O. Box 2207", "P.O. Box 2207"),
    ],
    Kind.BUSINESS: [
        ("We are Northgate Plumbing Ltd and", "Northgate Plumbing Ltd"),
        ("Die Nordwind Segelschule GmbH & Co. KG zahlt", "Nordwind Segelschule GmbH & Co. KG"),
        ("Construcciones Olmedo S.L.", "Construcciones Olmedo S.L."),
        ("my company is called Lumen Yard", "Lumen Yard"),
        ("Okafor & Sons delivered", "Okafor & Sons"),
        ("Die Bäckerei Hansen liefert", "Bäckerei Hansen"),
    ],
    Kind.PERSON: [
        ("Hi, my name is Thandeka Mbatha.", "Thandeka Mbatha"),
        ("my name is aroha ngata", "aroha ngata"),
        ("Dear Mr Featherstonehaugh,", "Featherstonehaugh"),
        ("Sehr geehrte Frau Dr. Yıldırım", "Yıldırım"),
        ("Best regards,\nTobias Lindqvist", "Tobias Lindqvist"),
        ("Ask Caoimhe about it", "Caoimhe"),
        ("a mocha for Jean?", "Jean"),
        ("Joost van der Meulen called", "Joost van der Meulen"),
        ("Petra's notes", "Petra"),
        ("Name: Ngozi Obi\nCity: Lagos", "Ngozi Obi"),
        ("J. R. Whitcombe", "J. R. Whitcombe"),
        ("I told Mark about it", "Mark"),
        ("Mark Johnson paid", "Mark Johnson"),
        ("hi im kevin, can u help", "kevin"),
        ("mit anna weber gesprochen", "anna weber"),
        (unicodedata.normalize("NFD", "Ich heiße Zoë Müller"), unicodedata.normalize("NFD", "Zoë Müller")),
    ],
}

NOT_FOUND = [
    "Why was I charged $1,234.56 on 2024-05-12 for order 4000-1234-5678?",
    "Am 12.05.2025 um 10:30 Uhr, 1.299,00 Euro, Rechnung 2024-00417.",
    "Order 10025550143, ISBN 978-3-16-148410-0, EAN 4006381333931, tracking 1Z999AA10123456784.",
    "The ratio is 0.80 / 0.20 / 3.20, coordinates 52.5200, 13.4050, 1 234 567 points.",
    "2025-01-31T23:59:59Z, 20240512103000, 12/05/2025, 08:00-17:30",
    "Version 10.4.2.1 crashes, 10.4.2.0 did not; localhost is 127.0.0.1.",
    "May I return the Rose Gold case? Will it be here in April? Mark all as read. Hope this helps.",
    "We flew from Paris via Florence to Jordan in August.",
    "Sue them! The Art of War. Bill me monthly. Grace period: 30 days.",
    "Dear Customer, Hi there, Hello Team, Liebe Kunden, Sehr geehrte Damen und Herren!",
    "Der Koch, der Schneider und der Müller gehen im Januar 2024 in den Wald.",
    "Im Raum 12 am Montag 8 Uhr; Parkplatz 3; 50000 Punkte und 12345 Schritte.",
    "Der Hammer, die Säge und der Bohrer sind im Angebot.",
    "The password must have 12 characters. Your password is now changed. My password is wrong.",
    "The key is under the mat; the key point: be brief; a token ring.",
    "password: ******** token: null",
    "Please reset my password, I forgot it. Das Passwort ist falsch.",
    "https://example.com/search?q=password+reset&page=2 and http://example.org:8080/a/b",
    "My ATM card failed. I am German and I'm Very Angry. This is Ridiculous.",
    "The company is closed. We need 5 Way Switches and 3 Drive Belts. Open on Main Street.",
    "lost_card, card_arrival, transfer_not_received_by_recipient",
    "cccccccc-1234-5678-9abc-dddddddddddd #FF5733 0x80070057",
    "Le prix est de 1 299,00 € pour 2 personnes, page 4, nº 4587-22.",
    "my name is wrong on the card, my name is misspelled, mein name ist falsch geschrieben",
    "A. Add few-shot learning\nB. Database changes",
]


@pytest.mark.parametrize(
    ("kind", "text", "words"), [(kind, text, words) for kind, cases in FOUND.items() for text, words in cases]
)
def test_it_finds(kind: Kind, text: str, words: str) -> None:
    assert [(span.kind, text[span.start : span.end]) for span in find_spans(text)] == [(kind, words)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_it_leaves_alone(text: str) -> None:
    assert [(span.kind, text[span.start : span.end]) for span in find_spans(text)] == []


def test_each_kind_has_a_detector_a_replacement_and_cases() -> None:
    assert [detector.kind for detector in DETECTORS] == list(dict.fromkeys(detector.kind for detector in DETECTORS))
    assert {detector.kind for detector in DETECTORS} == set(Kind) == set(REPLACEMENTS) == set(FOUND)


def test_the_replacements_are_the_documented_ones() -> None:
    documented = ["contact@example.com", "+1 (555) 000-0000", "[BUSINESS_NAME]", "[PERSON_NAME]", "[ADDRESS]"]
    kinds = [Kind.EMAIL, Kind.PHONE, Kind.BUSINESS, Kind.PERSON, Kind.ADDRESS]
    assert [REPLACEMENTS[kind] for kind in kinds] == documented


@pytest.mark.parametrize("detector", list(DETECTORS), ids=lambda detector: detector.name)
def test_a_guard_never_hides_what_its_detector_would_find(detector: Detector) -> None:
    texts = [text for cases in FOUND.values() for text, _ in cases] + NOT_FOUND
    assert [text for text in texts if not detector.needs(text) and list(detector.find(text))] == []
