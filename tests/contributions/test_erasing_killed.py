"""kill -9 between any two statements of an erasing: it goes on where it stood, and nothing readable is left."""

import subprocess
import sys

import pytest

from apps.common.audit import SYSTEM
from apps.contributions.enums import WithdrawalStatus
from apps.contributions.models import Label, TrainingExample, Withdrawal
from apps.contributions.services import withdraw_examples
from apps.datasets.models import DatasetItem
from apps.datasets.queries import find_lineage_drift
from tests.datasets.world import accept_many, build, label, publish
from tests.factories import NOW, PersonaFactory, ResponseFactory, TesterFactory
from tests.processes import database_url, environment


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_between_any_two_statements() -> None:
    persona = PersonaFactory()
    tester = TesterFactory(organization=persona.organization)
    examples = accept_many(persona, 20)
    for example in examples:
        label(example, [tester])
    answer = ResponseFactory(persona=persona)
    TrainingExample.objects.filter(pk=examples[0].pk).update(response_id=answer.public_id)
    publish(build(persona))
    chosen = [example.pk for example in examples[:12]]
    withdrawal = withdraw_examples(organization=persona.organization, example_ids=chosen, by=SYSTEM, now=NOW)

    run = subprocess.run(  # noqa: S603  (our own module)
        [sys.executable, "-m", "tests.contributions.killed_erasing", str(withdrawal.pk)],
        env=environment(DATABASE_URL=database_url()),
        capture_output=True,
        text=True,
        timeout=1500,  # a hang, not a slow machine
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 20
    done = Withdrawal.objects.get()
    assert (done.status, done.erased_count, done.report["left"]) == (WithdrawalStatus.DONE, 12, [])
    assert TrainingExample.objects.filter(input__isnull=True).count() == 12
    assert Label.objects.filter(payload__isnull=True).count() == 12
    assert DatasetItem.objects.filter(line="").count() == 12
    answer.refresh_from_db()
    assert (answer.messages, answer.output) == ([], "")
    assert find_lineage_drift() == []
