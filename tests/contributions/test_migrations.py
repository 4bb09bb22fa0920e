"""Rows from before examples were rated."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

from apps.contributions.models import TrainingExample
from apps.contributions.queries import find_quality_drift
from tests.factories import TrainingExampleFactory

pytestmark = pytest.mark.django_db


def test_outcomes_of_old_become_words_that_are_rated_by() -> None:
    for outcome in ("approved", "edited", "rejected", "regenerated", ""):
        TrainingExampleFactory(outcome=outcome)
    migration: Any = import_module("apps.contributions.migrations.0007_outcomes_in_their_own_words")
    for _ in range(2):
        migration.fill(apps, None)
        found = TrainingExample.objects.order_by("pk").values_list("outcome", "approvals", "rejections")
        assert list(found) == [
            ("accepted", 1, 0), ("accepted_with_edits", 0, 0), ("rejected", 0, 1), ("regenerated", 0, 1), ("", 0, 0),
        ]  # fmt: skip
    call_command("recompute_quality")
    assert find_quality_drift() == []
    assert TrainingExample.objects.get(outcome="accepted").quality_points == 5
