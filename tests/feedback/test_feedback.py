"""Feedback on answers, by service and by API."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.abtests.models import ABTest, Observation, Variant
from apps.chat.models import Response
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput
from apps.common.models import AuditEvent
from apps.contributions.models import TrainingExample
from apps.contributions.queries import find_quality_drift
from apps.custom_models.enums import JobStatus
from apps.custom_models.models import CustomModel, FineTuneJob
from apps.datasets.models import TrainingDataset
from apps.feedback.models import ApprovalTally, ModelFeedback, RetrainingPolicy
from apps.feedback.queries import derive_tally, due_policies, find_approval_drift
from apps.feedback.services import (
    edit_share,
    mark_retraining_due,
    record_feedback,
    recount_approvals,
    recount_samples,
    repeat_last_words,
)
from apps.organizations.enums import Scope
from apps.personas.models import Persona
from tests.clients import key_client
from tests.factories import (
    NOW,
    CustomModelFactory,
    OrganizationFactory,
    PersonaFactory,
    ResponseFactory,
    TrainingExampleFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    return PersonaFactory()


@pytest.fixture
def version(persona: Persona) -> CustomModel:
    return CustomModelFactory(persona=persona)


@pytest.fixture
def response(persona: Persona, version: CustomModel) -> Response:
    return ResponseFactory(persona=persona, custom_model=version)


def _say(response: Response, feedback_type: str = "approved", **more: Any) -> ModelFeedback:
    return record_feedback(response=response, feedback_type=feedback_type, by=SYSTEM, now=NOW, **more)


def test_an_edit_over_the_api(response: Response, version: CustomModel) -> None:
    body = {
        "response_id": response.public_id,
        "type": "edited",
        "edited": "hello you",
        "rating": 4,
        "tone_match": 0.5,
        "effectiveness": 1,
        "comment": "Nearly.",
        "client_id": "c-1",
    }
    answer = key_client(response.organization, Scope.FEEDBACK).post("/api/feedback/", body)

    feedback = ModelFeedback.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        **body,
        "id": feedback.pk,
        "edit_share": 0.2857,  # 2 x 5 equal characters of 5 + 9
        "quality_score": None,
        "custom_model": version.pk,
        "created_at": answer.json()["created_at"],
    }
    assert (feedback.original, feedback.edited) == ("hello", "hello you")
    assert feedback.given_by.startswith("API key fw_")


def test_sending_it_twice_returns_the_first_and_changes_nothing(response: Response, version: CustomModel) -> None:
    client = key_client(response.organization)
    body = {"response_id": response.public_id, "type": "approved", "client_id": "c-1"}
    first = client.post("/api/feedback/", body)
    again = client.post("/api/feedback/", {**body, "type": "rejected"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    version.refresh_from_db()
    assert (ModelFeedback.objects.count(), version.user_approval_rate) == (1, 1.0)


def test_a_client_id_is_for_one_response(response: Response) -> None:
    other = ResponseFactory(persona=response.persona)
    _say(response, client_id="c-1")
    with pytest.raises(Conflict) as raised:
        _say(other, client_id="c-1")

    assert raised.value.code == "client_id_taken"
    stranger = ResponseFactory()
    assert not _say(stranger, client_id="c-1").is_repeat  # each organization has its own ids


def test_without_a_client_id_each_is_new(response: Response) -> None:
    assert not _say(response).is_repeat
    assert not _say(response).is_repeat
    assert ModelFeedback.objects.count() == 2


def test_feedback_on_another_organizations_response_is_not_found(response: Response) -> None:
    body = {"response_id": response.public_id, "type": "approved"}
    stranger = key_client(OrganizationFactory())
    answers = [stranger.post("/api/feedback/", {**body, "response_id": id}) for id in (response.public_id, "resp_x")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["error"]["code"] == "response_not_found"
    assert not ModelFeedback.objects.exists()
    assert key_client(response.organization).post("/api/feedback/", body).status_code == 201
    assert stranger.get("/api/feedback/").json()["results"] == []
    assert len(key_client(response.organization).get("/api/feedback/").json()["results"]) == 1


def test_a_key_needs_the_scope(response: Response) -> None:
    body = {"response_id": response.public_id, "type": "approved"}
    for scope in set(Scope) - {Scope.FEEDBACK}:
        assert key_client(response.organization, scope).post("/api/feedback/", body).status_code == 403
    assert APIClient().post("/api/feedback/", body).status_code == 401


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"type": "liked"}, "type"),
        ({"type": "edited"}, "edited"),
        ({"edited": "x"}, "edited"),
        ({"rating": 6}, "rating"),
        ({"rating": 0}, "rating"),
        ({"tone_match": 1.1}, "tone_match"),
        ({"effectiveness": -0.1}, "effectiveness"),
        ({"quality_score": "NaN"}, "quality_score"),
        ({"client_id": "x" * 101}, "client_id"),
    ],
)
def test_what_cannot_be_is_refused(response: Response, change: dict[str, Any], param: str) -> None:
    body = {"response_id": response.public_id, "type": "approved", **change}
    answer = key_client(response.organization).post("/api/feedback/", body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not ModelFeedback.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"rating": 6}, {"rating": 0}, {"tone_match": 1.1}, {"effectiveness": -0.1}, {"quality_score": 2.0}],
)
def test_the_database_refuses_it_too(response: Response, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        _say(response, **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelFeedback.objects.create(organization=response.organization, response=response, feedback_type="edited")


def test_feedback_is_append_only(response: Response) -> None:
    _say(response)
    for change in (ModelFeedback.objects.all().delete, lambda: ModelFeedback.objects.update(rating=1)):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_service_refuses_an_edit_without_text_and_text_without_an_edit(response: Response) -> None:
    for feedback_type, edited in (("edited", ""), ("approved", "x")):
        with pytest.raises(InvalidInput):
            _say(response, feedback_type, edited=edited)


def test_the_last_word_on_each_answer_makes_the_approval_rate(persona: Persona, version: CustomModel) -> None:
    responses = [ResponseFactory(persona=persona, custom_model=version) for _ in range(4)]
    said = [(0, "approved"), (1, "rejected"), (1, "approved"), (2, "approved"), (2, "regenerated"), (3, "edited")]
    for n, feedback_type in said:
        _say(responses[n], feedback_type, edited="x" if feedback_type == "edited" else "")

    version.refresh_from_db()
    assert version.user_approval_rate == 0.5  # 0 and 1 of four
    assert derive_tally(custom_model=version).rate == 0.5
    assert find_approval_drift() == []


@given(
    said=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["approved", "rejected", "regenerated"])), max_size=8)
)
@settings(max_examples=25)
def test_counted_one_by_one_it_is_what_all_of_them_say(said: list[tuple[int, str]]) -> None:
    version = CustomModelFactory()
    responses = [ResponseFactory(persona=version.persona, custom_model=version) for _ in range(3)]
    for n, feedback_type in said:
        _say(responses[n], feedback_type)

    assert find_approval_drift() == []
    assert ApprovalTally.objects.filter(custom_model=version).exists() == bool(said)


def test_what_is_counted_can_be_derived_again(response: Response, version: CustomModel) -> None:
    _say(response)
    assert find_approval_drift() == []
    CustomModel.objects.update(user_approval_rate=0.25)
    ApprovalTally.objects.update(judged=4)
    RetrainingPolicy.objects.update(feedback_count=7)
    assert find_approval_drift() == [
        f"{version}: 1 of 4 approved answers are stored, 1 of 1 is right",
        f"{version}: approval rate 0.25 is stored, 1.0 is right",
        f"{version.persona}: 7 samples of feedback are stored, 1 is right",
    ]

    assert recount_approvals(custom_model=version, now=NOW) == 1.0
    assert recount_samples(policy=RetrainingPolicy.objects.get(), now=NOW) == 1
    assert find_approval_drift() == []


def test_the_first_feedback_since_answers_are_counted_counts_those_before(response: Response) -> None:
    _say(response)
    _say(ResponseFactory(persona=response.persona, custom_model=response.custom_model), "rejected")
    ApprovalTally.objects.all().delete()
    _say(response, "regenerated")

    tally = ApprovalTally.objects.get()
    assert (tally.judged, tally.approved) == (2, 0)
    assert find_approval_drift() == []


def test_one_more_feedback_reads_nothing_but_that_on_its_own_answer(response: Response) -> None:
    """What is recounted with each feedback takes the longer the more there are, while others wait for the lock."""
    _say(response)
    with CaptureQueriesContext(connection) as queries:
        _say(response, "rejected")

    reads = [query["sql"] for query in queries if 'FROM "model_feedback"' in query["sql"]]
    assert len(reads) == 1
    assert f'"response_id" = {response.pk}' in reads[0]
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"]]


def test_feedback_on_the_base_model_counts_for_no_version(persona: Persona, version: CustomModel) -> None:
    feedback = _say(ResponseFactory(persona=persona))

    version.refresh_from_db()
    assert (feedback.custom_model, version.user_approval_rate) == (None, None)


def test_the_captured_example_learns_the_outcome(response: Response) -> None:
    captured = TrainingExampleFactory(persona=response.persona, response_id=response.public_id)
    other = TrainingExampleFactory(persona=response.persona)
    for feedback_type in ("rejected", "approved"):
        _say(response, feedback_type)

    outcomes = dict(TrainingExample.objects.values_list("pk", "outcome"))
    assert outcomes == {captured.pk: "accepted", other.pk: ""}


@pytest.mark.parametrize(
    ("feedback_type", "more", "outcome", "thumbs"),
    [
        ("approved", {}, "accepted", (1, 0)),
        ("approved", {"rating": 1}, "accepted", (1, 0)),  # who approves has said so
        ("rejected", {}, "rejected", (0, 1)),
        ("regenerated", {}, "regenerated", (0, 1)),
        ("edited", {"edited": "hello you"}, "accepted_with_edits", (0, 0)),
        ("edited", {"edited": "hello you", "rating": 3}, "accepted_with_edits", (0, 0)),
        ("edited", {"edited": "hello you", "rating": 4}, "accepted_with_edits", (1, 0)),
        ("edited", {"edited": "hello you", "rating": 2}, "accepted_with_edits", (0, 1)),
    ],
)
def test_what_each_type_says_of_the_example(
    response: Response, feedback_type: str, more: dict[str, Any], outcome: str, thumbs: tuple[int, int]
) -> None:
    example = TrainingExampleFactory(persona=response.persona, response_id=response.public_id, source="chat")
    for before in ("approved", "rejected"):  # the last word counts
        _say(response, before)
    _say(response, feedback_type, **more)

    example.refresh_from_db()
    assert (example.outcome, (example.approvals, example.rejections)) == (outcome, thumbs)
    assert example.edit_share == (0.2857 if more.get("edited") else None)
    assert find_quality_drift() == []


def test_an_example_that_did_not_hear_the_last_word_is_found_and_told(response: Response) -> None:
    heard, deaf = (
        TrainingExampleFactory(persona=response.persona, response_id=response.public_id, source=source)
        for source in ("chat", "run")
    )
    TrainingExampleFactory(persona=response.persona, response_id=response.public_id, source="correction")
    for feedback_type in ("rejected", "approved"):
        _say(response, feedback_type)
    assert find_approval_drift() == []
    TrainingExample.objects.filter(pk=deaf.pk).update(outcome="rejected", approvals=0, rejections=1)
    assert find_approval_drift() == [f"Example {deaf.pk} does not carry what was last said of its answer: approved"]
    assert [repeat_last_words(now=NOW) for _ in range(2)] == [1, 0]
    deaf.refresh_from_db()
    heard.refresh_from_db()
    assert (deaf.outcome, deaf.quality_points) == (heard.outcome, heard.quality_points) == ("accepted", 5)


def test_the_observation_of_a_test_learns_the_verdict(response: Response) -> None:
    abtest = ABTest.objects.create(organization=response.organization, persona=response.persona, name="t")
    variant = Variant.objects.create(abtest=abtest, name="a")
    response = ResponseFactory(persona=response.persona, variant=variant)
    Observation.objects.create(
        organization=response.organization,
        variant=variant,
        unit="u",
        model_type="custom",
        response_id=response.public_id,
    )
    _say(response, "rejected", quality_score=0.4)

    observation = Observation.objects.get()
    assert (observation.user_approval, observation.quality_score) == (False, 0.4)


def test_every_so_many_samples_a_persona_is_due_for_retraining(persona: Persona) -> None:
    RetrainingPolicy.objects.create(organization=persona.organization, persona=persona, every_n_feedback=3)
    due_at = []
    for n in range(7):
        _say(ResponseFactory(persona=persona))
        policy = RetrainingPolicy.objects.get()
        due_at.append((n + 1, policy.feedback_at_last_due))

    assert due_at == [(1, 0), (2, 0), (3, 3), (4, 3), (5, 3), (6, 6), (7, 6)]
    assert policy.last_due_at == NOW
    assert list(due_policies()) == [policy]
    events = AuditEvent.objects.filter(verb="retraining_due", object_id=str(policy.pk))
    assert [event.data for event in events.order_by("pk")] == [{"feedback": 3}, {"feedback": 6}]


def test_unless_said_otherwise_a_hundred_samples(persona: Persona) -> None:
    response = ResponseFactory(persona=persona)
    ModelFeedback.objects.bulk_create(
        ModelFeedback(organization=persona.organization, response=response, feedback_type="approved", given_by="system")
        for _ in range(98)
    )
    _say(response)
    assert not due_policies().exists()
    _say(response)
    assert due_policies().get().persona == persona


def test_a_policy_that_is_switched_off_is_never_due(persona: Persona) -> None:
    RetrainingPolicy.objects.create(
        organization=persona.organization, persona=persona, every_n_feedback=1, is_active=False
    )
    _say(ResponseFactory(persona=persona))

    assert RetrainingPolicy.objects.get().last_due_at is None
    assert not due_policies().exists()


def test_a_persona_is_marked_due_once(persona: Persona) -> None:
    RetrainingPolicy.objects.create(organization=persona.organization, persona=persona, every_n_feedback=1)
    _say(ResponseFactory(persona=persona))

    assert not mark_retraining_due(persona=persona, now=NOW)
    assert AuditEvent.objects.filter(verb="retraining_due").count() == 1


def test_a_training_since_then_settles_it(persona: Persona) -> None:
    policy = RetrainingPolicy.objects.create(
        organization=persona.organization, persona=persona, every_n_feedback=1, last_due_at=NOW
    )
    assert list(due_policies()) == [policy]
    dataset = TrainingDataset.objects.create(organization=persona.organization, persona=persona, name="d")
    FineTuneJob.objects.create(
        organization=persona.organization,
        persona=persona,
        dataset=dataset,
        base_model=persona.base_model,
        provider="openai",
        client_reference="r",
        status=JobStatus.PREPARING,
        started_by="system",
    )
    RetrainingPolicy.objects.update(last_due_at=policy.created_at)
    assert not due_policies().exists()


@pytest.mark.django_db(transaction=True)
def test_feedback_of_many_at_once_counts_exactly_once() -> None:
    persona = PersonaFactory()
    version = CustomModelFactory(persona=persona)
    RetrainingPolicy.objects.create(organization=persona.organization, persona=persona, every_n_feedback=8)
    responses = [ResponseFactory(persona=persona, custom_model=version) for _ in range(8)]

    def send(n: int) -> None:
        try:
            _say(responses[n % 8], "approved" if n % 8 < 6 else "rejected", client_id=f"c{n % 8}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(16)))

    version.refresh_from_db()
    assert ModelFeedback.objects.count() == 8
    assert version.user_approval_rate == 0.75
    assert find_approval_drift() == []
    assert AuditEvent.objects.filter(verb="retraining_due").count() == 1


@given(original=st.text(max_size=300), edited=st.text(max_size=300))
def test_an_edit_share_is_a_share(original: str, edited: str) -> None:
    share = edit_share(original=original, edited=edited)

    assert 0 <= share <= 1
    assert (share == 0) or (original != edited)
    assert edit_share(original=original, edited=original) == 0


@pytest.mark.parametrize(
    ("original", "edited", "share"),
    [
        ("a" * 2_000, "a" * 1_000 + "b" * 1_000, 0.5),
        ("word " * 2_000, "word " * 1_500 + "other " * 500, 0.25),
        ("w o r d " * 25_000, "w o r d " * 20_000 + "x " * 20_000, 0.2),
    ],
)
def test_the_worst_texts_are_compared_by_what_is_cheap_enough(original: str, edited: str, share: float) -> None:
    assert edit_share(original=original, edited=edited) == share  # by characters, by words, by how often a word occurs
