"""Many rows cost few statements: so many a batch, however many rows a batch has."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.audit import SYSTEM
from apps.contributions.formats import ImportRow
from apps.contributions.models import Contribution, Label, TrainingExample
from apps.contributions.services import NewLabel, import_examples, submit_labels
from tests.factories import CODEBOOK, NOW, PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db
ROWS = [
    ImportRow(
        line=n + 2, text=f"Question {n}: where is my card and what did it cost?", category=CODEBOOK[n % 3]["code"]
    )
    for n in range(4_000)
]
STATEMENTS = 300  # for 4,000 rows, a twentieth of one for each


def test_importing_labelled_rows_takes_few_statements() -> None:
    persona = PersonaFactory()
    tester = TesterFactory(organization=persona.organization)
    with CaptureQueriesContext(connection) as statements:
        result = import_examples(persona=persona, rows=ROWS, by=SYSTEM, now=NOW, label_as=tester)
    assert (result.created, Label.objects.count()) == (len(ROWS), len(ROWS))
    assert TrainingExample.objects.accepted().count() == len(ROWS)
    assert Contribution.objects.get().training_tests_completed == len(ROWS)
    assert len(statements) < STATEMENTS


def test_storing_labels_takes_few_statements() -> None:
    persona = PersonaFactory()
    tester = TesterFactory(organization=persona.organization)
    rows = [ImportRow(line=row.line, text=row.text) for row in ROWS]
    import_examples(persona=persona, rows=rows, by=SYSTEM, now=NOW)
    ids = TrainingExample.objects.order_by("pk").values_list("pk", flat=True)
    labels = [NewLabel(pk, {"code": CODEBOOK[n % 3]["code"]}) for n, pk in enumerate(ids)]
    with CaptureQueriesContext(connection) as statements:
        assert submit_labels(tester=tester, labels=labels, now=NOW) == len(ROWS)
    assert TrainingExample.objects.accepted().count() == len(ROWS)
    assert len(statements) < STATEMENTS
