"""A file of examples on its way in by the admin: the form, what its rows would become, and what became of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.common.audit import SYSTEM
from apps.contributions.formats import ImportRow
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.services import import_examples
from apps.contributions.services import row_files as files
from apps.organizations.models import User
from apps.personas.models import Persona
from tests.browser.conftest import WIDTHS, Visitor
from tests.factories import CODEBOOK, NOW, MembershipFactory, PersonaFactory, TesterFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/contributions/trainingexample/"
LONG = (
    "I was in Lisbon for a week and paid with my card everywhere, and now " + "every single booking is there twice " * 8
)


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(name="Bank question coder", organization__name="Bank")
    TesterFactory(organization=persona.organization, display_name="Ada")
    rows = [ImportRow(2, "Where is my card?", "lost_card"), ImportRow(3, "What is the rate today?", "exchange_rate")]
    import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW)
    return persona


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "questions of the branch in the Rua Augusta, second quarter, corrected.csv"
    rows = [f"Question {n} about my card and what it cost me,{CODEBOOK[n % 3]['code']}" for n in range(30)]
    rows += ["Where is my card?,lost_card", "What is the rate today?,", "Question 1 about my card and what it cost me,"]
    rows += [f'"{LONG}",lost_card', "Which code is this?,no_such_code", ",lost_card", "Not coded yet,"]
    path.write_text("\n".join(["text,category", *rows]) + "\n")
    return path


def _manager(persona: Persona) -> User:
    user: User = UserFactory(is_staff=True)
    MembershipFactory(organization=persona.organization, role="manager", user=user)
    return user


@pytest.mark.parametrize("window", WIDTHS)
def test_a_file_is_checked_looked_at_and_stored(
    window: str, persona: Persona, file: Path, visitor: Callable[[str], Visitor], settings: Any, tmp_path: Path
) -> None:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": kept}
    someone = visitor(window)
    someone.sign_in(
        MembershipFactory(organization=persona.organization, role="manager", user=UserFactory(is_staff=True)).user
    )
    someone.visit(f"{LIST}import/")
    page = someone.page
    page.get_by_label("Persona").select_option(str(persona.pk))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="Store these rows?")).to_be_visible()
    someone.look("import-checked")
    expect(page.get_by_text("Line 36")).to_be_visible()
    page.get_by_role("button", name="Store 32 examples").click()
    expect(page.get_by_role("heading", name="The rows are stored")).to_be_visible()
    someone.look("import-done")
    assert TrainingExample.objects.count() == 34
    assert someone.problems == []


@pytest.mark.parametrize("window", WIDTHS)
def test_a_large_file_shows_how_far_it_is(
    window: str, persona: Persona, visitor: Callable[[str], Visitor], settings: Any, tmp_path: Path
) -> None:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": kept}
    content = b"text\n" + b"".join(b"A long question that has the number %d\n" % n for n in range(10_000))
    path = tmp_path / "many.csv"
    path.write_bytes(content)
    with path.open("rb") as opened:
        upload = files.check_row_file(
            persona=persona, file=opened, name=path.name, size=len(content), by=SYSTEM, now=NOW
        )
    Upload.objects.filter(pk=upload.pk).update(progress_done=len(content) // 3)
    someone = visitor(window)
    someone.sign_in(
        MembershipFactory(organization=persona.organization, role="manager", user=UserFactory(is_staff=True)).user
    )
    someone.visit(f"{LIST}import/{upload.pk}/")
    expect(someone.page.get_by_role("progressbar", name="Checking the file")).to_be_visible()
    files.work_on_row_file(upload=upload, now=NOW)
    expect(someone.page.get_by_role("heading", name="Store these rows?")).to_be_visible()  # by itself
    assert someone.problems == []
