"""What staff read of an evaluation: every answer of every model, and where the two disagree."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from apps.contributions.models import TrainingExample
from apps.custom_models.models import Evaluation, EvaluationAnswer, EvaluationArm
from apps.organizations.enums import Role
from tests.clients import staff_client
from tests.custom_models.world import import_rows, make_model, make_persona, sentences
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db
LIST = "admin:custom_models_evaluationanswer_changelist"
# per test example: the score of the base model and that of the version
SCORES = [(0, 1), (1, 0), (1, 1), (0, 0), (0, 0.5), (0, 1)]


def make_evaluation(scores: list[tuple[float, float]] = SCORES) -> Evaluation:
    persona = make_persona()
    import_rows(persona, sentences(-(-len(scores) // 3)), split_pin="test")
    return evaluate(persona, scores)


def evaluate(persona: Any, scores: list[tuple[float, float]], *, number: int = 1) -> Evaluation:
    candidate = make_model(persona, number=number)
    evaluation = Evaluation.objects.create(
        organization=persona.organization, persona=persona, candidate=candidate, test_size=len(scores),
        answered=2 * len(scores), status="completed", started_by="system",
    )  # fmt: skip
    base = EvaluationArm.objects.create(evaluation=evaluation, model_name="recall-1")
    version = EvaluationArm.objects.create(evaluation=evaluation, model_name="ft:1", custom_model=candidate)
    examples = TrainingExample.objects.filter(persona=persona).order_by("pk")
    for n, (example, pair) in enumerate(zip(examples, scores, strict=False)):
        for arm, score in zip((base, version), pair, strict=True):
            EvaluationAnswer.objects.create(
                arm=arm, example=example, answer=f'{{"code": "{arm.model_name} said {n}"}}', score=score, latency_ms=12,
                cost_micros=300,
            )  # fmt: skip
    return evaluation


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def shown(client: Client, **chosen: object) -> list[tuple[str, int]]:
    """Which model's answers to which examples are in the list."""
    response = client.get(reverse(LIST), chosen)
    assert response.status_code == 200
    rows = response.context["cl"].result_list
    return sorted((row.arm.model_name, int(row.answer.split("said ")[1].rstrip('"}'))) for row in rows)


def test_the_page_of_an_evaluation_leads_to_its_answers() -> None:
    evaluation = make_evaluation()
    other = evaluate(evaluation.persona, SCORES, number=2)
    client = staff_client(evaluation.organization, Role.VIEWER)
    page = text_of(client.get(reverse("admin:custom_models_evaluation_change", args=[evaluation.pk])))
    of_this = f"{reverse(LIST)}?arm__evaluation__id__exact={evaluation.pk}"
    assert f'href="{of_this}"' in page
    assert "Show the answers" in page
    disagreements = f"{reverse(LIST)}?disagreement=any&amp;arm__evaluation__id__exact={evaluation.pk}"
    assert f'href="{disagreements}"' in page

    narrowed = client.get(of_this)
    assert {row.arm.evaluation_id for row in narrowed.context["cl"].result_list} == {evaluation.pk}
    assert len(narrowed.context["cl"].result_list) == 12
    assert len(shown(client)) == 24
    assert other.pk != evaluation.pk


def test_the_list_shows_both_answers_beside_the_right_one() -> None:
    evaluation = make_evaluation([(0, 1)])
    page = text_of(staff_client(evaluation.organization).get(reverse(LIST)))
    example = TrainingExample.objects.earliest("pk")
    assert example.input["text"] in page
    assert example.accepted_label["code"] in page
    assert page.count("recall-1 said 0") == page.count("ft:1 said 0") == 2  # its own, and as the other's answer
    assert "Recall 1 (embedded) (base model)" in page
    assert "Bank coder v1" in page


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        ({"model": "version", "correct": "no"}, [("ft:1", 1), ("ft:1", 3), ("ft:1", 4)]),
        ({"model": "base", "correct": "yes"}, [("recall-1", 1), ("recall-1", 2)]),
        ({"model": "version", "disagreement": "any"}, [("ft:1", 0), ("ft:1", 1), ("ft:1", 5)]),
        ({"model": "version", "disagreement": "gained"}, [("ft:1", 0), ("ft:1", 5)]),
        ({"model": "base", "disagreement": "gained"}, [("recall-1", 0), ("recall-1", 5)]),
        ({"disagreement": "lost"}, [("ft:1", 1), ("recall-1", 1)]),
        ({"model": "nonsense", "correct": "nonsense", "disagreement": "lost"}, [("ft:1", 1), ("recall-1", 1)]),
    ],
)
def test_filters(chosen: dict[str, str], rows: list[tuple[str, int]]) -> None:
    evaluation = make_evaluation()
    assert shown(staff_client(evaluation.organization), **chosen) == rows


def test_an_answer_in_full() -> None:
    evaluation = make_evaluation([(0, 0.5)])
    base, version = EvaluationAnswer.objects.order_by("pk")
    client = staff_client(evaluation.organization, Role.VIEWER)

    def page(answer: EvaluationAnswer) -> str:
        return text_of(client.get(reverse("admin:custom_models_evaluationanswer_change", args=[answer.pk])))

    assert "ft:1 said 0" in page(version)
    assert "Partly right" in page(version)
    assert "12 ms" in page(version)
    assert "$0.0003" in page(version)
    assert "Wrong" in page(version)  # the other one
    version.delete()
    assert "nothing yet" in page(base)


def test_nobody_changes_an_answer() -> None:
    evaluation = make_evaluation([(0, 1)])
    client, answer = staff_client(evaluation.organization), EvaluationAnswer.objects.earliest("pk")
    url = reverse("admin:custom_models_evaluationanswer_change", args=[answer.pk])
    assert client.post(url, {"score": "1"}).status_code == 403
    assert client.get(reverse("admin:custom_models_evaluationanswer_add")).status_code == 403
    answer.refresh_from_db()
    assert answer.score == 0


def test_another_organizations_staff_see_nothing() -> None:
    evaluation = make_evaluation([(0, 1)])
    stranger = staff_client(OrganizationFactory())
    assert shown(stranger) == []
    assert shown(stranger, arm__evaluation__id__exact=evaluation.pk, disagreement="any") == []
    answer = EvaluationAnswer.objects.earliest("pk")
    url = reverse("admin:custom_models_evaluationanswer_change", args=[answer.pk])
    assert stranger.get(url).status_code == 302  # to the front page, as for a row that is not there
    assert len(shown(staff_client(evaluation.organization))) == 2


def test_encrypted_answers_are_read() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        evaluation = make_evaluation([(0, 1)])
        page = text_of(staff_client(evaluation.organization).get(reverse(LIST)))
    assert page.count("recall-1 said 0") == page.count("ft:1 said 0") == 2
    assert "fernet:" not in page


def test_as_many_queries_for_many_answers_as_for_few() -> None:
    counts = []
    for scores in ([(0, 1)], SCORES):
        client = staff_client(make_evaluation(scores).organization)
        for chosen in ({}, {"disagreement": "any"}):
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse(LIST), chosen)
            counts.append(len(queries))
    assert len(set(counts)) == 1
