"""Our formulas against those of a library, on every pattern of labels that can be thought of."""

import math
from collections.abc import Hashable

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from apps.contributions.models import Label
from apps.contributions.queries import agreement, agreement_of
from apps.contributions.queries.agreement import cohens_kappa, krippendorffs_alpha, raw_agreement
from apps.contributions.services import submit_label
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory

Said = dict[int, dict[int, Hashable]]
CODES = st.sampled_from(["lost", "rate", "top-up"])
TWO = st.dictionaries(st.integers(0, 30), st.fixed_dictionaries({1: CODES, 2: CODES}), min_size=1, max_size=30)
MANY = st.dictionaries(
    st.integers(0, 30), st.dictionaries(st.integers(1, 5), CODES, min_size=1, max_size=5), min_size=1, max_size=30
)


def _task(units: Said) -> AnnotationTask:
    return AnnotationTask(data=[(who, what, said) for what, by in units.items() for who, said in by.items()])


@given(TWO)
def test_raw_agreement_and_kappa_of_two(units: Said) -> None:
    task = _task(units)
    assert raw_agreement(units) == pytest.approx(task.avg_Ao())
    kappa = cohens_kappa(units)
    if kappa is None:
        assert task.Ae_kappa(1, 2) == 1  # chance alone would have agreed
    else:
        assert kappa == pytest.approx(task.kappa_pairwise(1, 2))


@given(MANY)
def test_alpha_of_many_with_gaps(units: Said) -> None:
    alpha = krippendorffs_alpha(units)
    if alpha is None:
        assert len({said for by in units.values() if len(by) > 1 for said in by.values()}) < 2
    else:
        assert alpha == pytest.approx(_task(units).alpha())


def test_the_example_of_the_source() -> None:
    """Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: nominal, four observers, gaps."""
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = {unit: {who: row[unit] for who, row in enumerate(rows) if row[unit] is not None} for unit in range(12)}
    assert krippendorffs_alpha(units) == pytest.approx(0.743, abs=0.0005)


@pytest.mark.parametrize(
    ("units", "raw", "kappa", "alpha"),
    [
        ({}, None, None, None),
        ({1: {1: "a"}, 2: {2: "b"}}, None, None, None),
        ({1: {1: "a", 2: "a"}}, 1.0, None, None),
        ({1: {1: "a", 2: "a"}, 2: {1: "b", 2: "b"}}, 1.0, 1.0, 1.0),
        ({1: {1: "a", 2: "b"}, 2: {1: "b", 2: "a"}}, 0.0, -1.0, -0.5),
    ],
)
def test_the_ends(units: Said, raw: float | None, kappa: float | None, alpha: float | None) -> None:
    assert (raw_agreement(units), cohens_kappa(units), krippendorffs_alpha(units)) == (raw, kappa, alpha)
    assert not any(isinstance(value, float) and math.isnan(value) for value in (raw, kappa, alpha))


@pytest.mark.django_db
def test_of_a_persona() -> None:
    persona, other = PersonaFactory(labels_per_example=3), PersonaFactory(labels_per_example=3)
    ada, ben, cem = TesterFactory.create_batch(3, organization=persona.organization)
    assert agreement_of(persona=persona).why["alpha"] == "no example has been labelled by two testers yet"
    said = {ada: ["lost_card", "lost_card", "exchange_rate"], ben: ["lost_card", "exchange_rate", "exchange_rate"]}
    examples = TrainingExampleFactory.create_batch(3, persona=persona)
    for tester, codes in said.items():
        for example, code in zip(examples, codes, strict=True):
            submit_label(tester=tester, example=example, payload={"code": code}, now=NOW)
    _elsewhere(other)
    found = agreement_of(persona=persona)
    assert (found.examples, found.labels, found.testers, found.why) == (3, 6, 2, {})
    assert found.raw == pytest.approx(2 / 3)
    assert found.kappa == pytest.approx(0.4)
    assert found.alpha == pytest.approx(4 / 9)
    submit_label(tester=cem, example=examples[0], payload={"code": "lost_card"}, now=NOW)
    found = agreement_of(persona=persona)
    assert (found.kappa, found.testers) == (None, 3)
    assert found.why == {"kappa": "it is for two testers, and here are 3: see alpha"}


@pytest.mark.django_db
def test_of_the_latest_examples_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oldest first: testers disagree, say the same twice, and the last example has one label alone."""
    persona = PersonaFactory(labels_per_example=3)
    ada, ben = TesterFactory.create_batch(2, organization=persona.organization)
    examples = TrainingExampleFactory.create_batch(4, persona=persona)
    said = {
        ada: ["lost_card", "lost_card", "exchange_rate", "lost_card"],
        ben: ["exchange_rate", "lost_card", "exchange_rate"],
    }
    for tester, codes in said.items():
        for example, code in zip(examples, codes, strict=False):
            submit_label(tester=tester, example=example, payload={"code": code}, now=NOW)
    everything = agreement_of(persona=persona)
    assert (everything.examples, everything.raw, everything.is_of_latest) == (3, pytest.approx(2 / 3), False)
    monkeypatch.setattr(agreement, "LATEST", 2)
    latest = agreement_of(persona=persona)
    assert (latest.examples, latest.labels, latest.raw, latest.is_of_latest) == (2, 4, 1.0, True)
    web = Client()
    web.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = web.get(reverse("admin:contributions_label_quality")).content.decode()
    assert "The latest 2 examples labelled by more than one of 2 testers, 4 labels in all." in page


def _elsewhere(persona: Persona) -> None:
    tester = TesterFactory(organization=persona.organization)
    submit_label(tester=tester, example=TrainingExampleFactory(persona=persona), payload={"code": "lost_card"}, now=NOW)
    assert Label.objects.filter(example__persona=persona).count() == 1
