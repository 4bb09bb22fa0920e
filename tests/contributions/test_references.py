"""Reference answers (RT15): in from CSV, out by category and chance."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from apps.common.audit import SYSTEM
from apps.common.errors import InvalidInput, NotFound
from apps.common.models import AuditEvent
from apps.contributions.models import ReferenceAnswer
from apps.contributions.queries import list_reference_answers, read_reference_file, reference_answer_for
from apps.contributions.services import ReferenceImport, import_reference_answers
from apps.organizations.enums import Scope
from apps.organizations.services import add_member
from apps.personas.models import Persona
from tests.chat.conftest import token_of
from tests.factories import OrganizationFactory, PersonaFactory, UserFactory

pytestmark = pytest.mark.django_db

FILE = (
    b'\xef\xbb\xbfcategory,text\r\nnight,"Go to bed, champion."\r\nlazy,Even the sofa\r\nlazy,"He said ""later"""\r\n'
)
IMPORT = reverse("admin:contributions_referenceanswer_import_file")


@pytest.fixture
def persona() -> Persona:
    made: Persona = PersonaFactory(slug="roaster", organization__slug="roasters")
    return made


def _import(persona: Persona, data: bytes = FILE) -> ReferenceImport:
    return import_reference_answers(persona=persona, file=io.BytesIO(data), by=SYSTEM)


def test_rows_come_in_once(persona: Persona) -> None:
    assert _import(persona) == ReferenceImport(created=3, known=0, rejected=[])
    rows = ReferenceAnswer.objects.order_by("pk")
    assert [(row.category, row.text) for row in rows] == [
        ("night", "Go to bed, champion."),
        ("lazy", "Even the sofa"),
        ("lazy", 'He said "later"'),
    ]
    assert {(row.organization, row.added_by) for row in rows} == {(persona.organization, "system")}
    assert _import(persona) == ReferenceImport(created=0, known=3, rejected=[])
    more = FILE + b"lazy,Even the sofa\r\nnight,Even the sofa\r\n"
    assert _import(persona, more) == ReferenceImport(created=1, known=4, rejected=[])
    assert _import(PersonaFactory()).created == 3


def test_rows_that_cannot_be_used_are_left_out_with_their_line(persona: Persona) -> None:
    data = b"text,category\n,night\nGo,\nx," + b"c" * 101 + b"\nGo,night\n" + b"y" * 10_001 + b",night\na,b,c\n"
    result = _import(persona, data)
    assert (result.created, result.rejected) == (
        1,
        [
            (2, "text: it is empty."),
            (3, "category: it is empty."),
            (4, "category: it has more than 100 characters."),
            (6, "text: it has more than 10,000 characters."),
            (7, "It has 3 cells where the header names 2. Put cells with commas in quotes."),
        ],
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"category,text\n", "no_rows"),
        (b"text\nGo\n", "missing_columns"),
        (b"category,text,source\na,b,c\n", "missing_columns"),
        (b"kind,words\na,b\n", "missing_columns"),
        (b"PK\x03\x04\x00\x00", "wrong_encoding"),
        ("category,text\nnight,müde\n".encode("latin-1"), "wrong_encoding"),
        (b'category,text\nnight,"unfinished\n', "invalid_csv"),
        (b"category,text\n" + b"a,b\n" * 10_001, "too_many_rows"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_nothing_behind(persona: Persona, data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _import(persona, data)
    assert (caught.value.code, bool(caught.value.resolution)) == (code, True)
    assert not ReferenceAnswer.objects.exists()
    assert not AuditEvent.objects.exists()


def test_looking_stores_nothing_and_says_what_would_be(persona: Persona) -> None:
    _import(persona, b"category,text\nlazy,Even the sofa\n")
    found = read_reference_file(persona=persona, file=io.BytesIO(FILE + b",\r\n"))
    assert [reference.text for reference in found.new.values()] == ["Go to bed, champion.", 'He said "later"']
    assert (found.categories, found.known, found.rejected) == (["lazy", "night"], 1, [(5, "category: it is empty.")])
    assert ReferenceAnswer.objects.count() == 1


def test_the_import_is_in_the_audit_log_without_its_texts(persona: Persona) -> None:
    _import(persona)
    event = AuditEvent.objects.get()
    assert (event.verb, event.data) == ("imported_references", {"created": 3, "known": 0, "rejected": 0})


def test_many_rows_cost_few_statements(persona: Persona) -> None:
    data = b"category,text\n" + b"".join(b"c,%d\n" % number for number in range(1_100))
    with CaptureQueriesContext(connection) as captured:
        assert _import(persona, data).created == 1_100
    assert len(captured) <= 12


def test_an_answer_is_chosen_by_category_and_chance(persona: Persona) -> None:
    _import(persona)
    chosen = [reference_answer_for(persona=persona, category="lazy", choice=random.Random(seed)) for seed in range(20)]
    assert {answer.text for answer in chosen} == {"Even the sofa", 'He said "later"'}
    again = reference_answer_for(persona=persona, category="lazy", choice=random.Random(7))
    assert again == reference_answer_for(persona=persona, category="lazy", choice=random.Random(7))


@pytest.mark.parametrize("category", ["", "unheard of"])
def test_without_its_category_any_answer_is_better_than_none(persona: Persona, category: str) -> None:
    _import(persona)
    _import(PersonaFactory(), b"category,text\nunheard of,theirs\n")
    chosen = [
        reference_answer_for(persona=persona, category=category, choice=random.Random(seed)) for seed in range(30)
    ]
    assert {answer.category for answer in chosen} == {"night", "lazy"}


def test_a_persona_without_answers_says_how_to_bring_some(persona: Persona) -> None:
    _import(PersonaFactory())
    with pytest.raises(NotFound, match=r"has no reference answers\. Import a CSV with the columns category and text"):
        reference_answer_for(persona=persona, category="lazy", choice=random.Random(1))


# --- the command ------------------------------------------------------------------------------------------------------


def _command(*args: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_reference_answers", *map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_reports_what_it_did(persona: Persona, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_bytes(FILE + b",x\r\n")
    assert _command(file, "--persona", persona.slug) == (
        "3 reference answers created, 0 known already, 1 rows rejected.\n",
        "line 5: category: it is empty.\n",
    )


@pytest.mark.usefixtures("persona")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "The file is empty"),
        (b"a;b\n1;2\n", "It needs 'text' once"),
        (b"category,text\n,\n", "Nothing was imported"),
    ],
)
def test_the_command_explains_a_wrong_file(tmp_path: Path, data: bytes | None, message: str) -> None:
    file = tmp_path / "answers.csv"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(CommandError, match=message):
        _command(file, "--persona", "roaster")


def test_the_command_asks_which_persona_is_meant(persona: Persona, tmp_path: Path) -> None:
    PersonaFactory(slug=persona.slug, organization__slug="others")
    with pytest.raises(CommandError, match="Add --organization: others, roasters"):
        _command(tmp_path, "--persona", persona.slug)


# --- the admin --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sign_in(persona: Persona) -> Callable[[str], Client]:
    def as_role(role: str) -> Client:
        user = UserFactory(is_staff=True)
        add_member(organization=persona.organization, user=user, role=role, by=SYSTEM)
        client = Client()
        client.force_login(user)
        return client

    return as_role


def _upload(client: Client, persona: Persona, data: bytes = FILE, **more: Any) -> str:
    form = {"persona": persona.pk, "file": SimpleUploadedFile("answers.csv", data), **more}
    return client.post(IMPORT, form, follow=True).content.decode()


def test_staff_look_first_and_then_import(persona: Persona, sign_in: Callable[[str], Client]) -> None:
    staff = sign_in("manager")
    assert "CSV in UTF-8 with the columns category and text" in staff.get(IMPORT).content.decode()
    looked = _upload(staff, persona, FILE + b",\r\n", only_look="on")
    assert "Nothing is stored yet." in looked
    assert "lazy, night" in looked
    assert "Line 5" in looked
    assert not ReferenceAnswer.objects.exists()
    assert "3 reference answers imported, 0 known already, 0 rows left out." in _upload(staff, persona)
    assert ReferenceAnswer.objects.count() == 3


def test_a_wrong_file_is_explained_beside_the_field(persona: Persona, sign_in: Callable[[str], Client]) -> None:
    page = _upload(sign_in("manager"), persona, b"a,b\n1,2\n")
    assert "It needs &#x27;text&#x27; once" in page
    assert not ReferenceAnswer.objects.exists()


def test_only_those_who_may_write_import_and_only_for_their_own(sign_in: Callable[[str], Client]) -> None:
    assert sign_in("viewer").get(IMPORT).status_code == 403
    stranger = PersonaFactory()
    assert "Select a valid choice" in _upload(sign_in("manager"), stranger)
    assert not ReferenceAnswer.objects.exists()


# --- the API ----------------------------------------------------------------------------------------------------------


def _get(token: str, path: str = "", **query: str) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get(f"/api/personas/roaster/reference-answers/{path}", query)


def test_the_api_lists_and_chooses(persona: Persona) -> None:
    _import(persona)
    token = token_of(persona.organization, Scope.READ)
    assert [row["text"] for row in _get(token).json()["results"]] == [
        'He said "later"',
        "Even the sofa",
        "Go to bed, champion.",
    ]
    assert [row["text"] for row in _get(token, category="night").json()["results"]] == ["Go to bed, champion."]
    assert _get(token, "random/", category="night").json()["text"] == "Go to bed, champion."
    assert _get(token, "random/", category="none").json()["category"] in ("night", "lazy")


def test_the_api_says_what_is_wrong(persona: Persona) -> None:
    token = token_of(persona.organization)
    assert (_get(token, "random/").status_code, _get(token, "random/").json()["error"]["code"]) == (
        404,
        "no_reference_answers",
    )
    for path in ("", "random/"):
        assert _get(token, path, category="x" * 101).json()["error"]["param"] == "category"
        assert _get(token_of(OrganizationFactory()), path).json()["error"]["code"] == "persona_not_found"
        assert _get(token_of(persona.organization, Scope.CHAT), path).status_code == 403


def test_a_page_of_answers_costs_the_same_whatever_their_number(persona: Persona) -> None:
    token = token_of(persona.organization)
    _get(token)  # a key's first use of the day is written down
    counts = []
    for data in (b"category,text\na,b\n", FILE):
        _import(persona, data)
        with CaptureQueriesContext(connection) as captured:
            assert _get(token).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert list_reference_answers(persona=persona).count() == 4
