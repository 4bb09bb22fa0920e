"""People take back what they said (AV13): out at once, erased everywhere, money and counts as before."""

from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.db import connection
from pytest_django import Settings

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.common.rotation import encrypted_fields, encrypted_models
from apps.contributions.enums import ExampleSource, ExampleStatus, TesterStatus, WithdrawalStatus
from apps.contributions.models import GoldAnswer, Label, Skip, Tester, TrainingExample, Upload, Withdrawal
from apps.contributions.queries import count_agreeing_labels, find_contribution_drift, find_quality_drift
from apps.contributions.services import (
    ExampleResult,
    ExampleResultStatus,
    NewExample,
    create_examples,
    erase_withdrawal,
    submit_label,
    withdraw_examples,
    withdraw_organization,
    withdraw_tester,
)
from apps.contributions.services.withdrawals import erasers, erasing
from apps.datasets.models import DatasetItem, TrainingDataset
from apps.datasets.queries import find_lineage_drift
from apps.datasets.services import building
from apps.organizations.enums import Role
from apps.personas.models import FewShotExample, Persona, PromptVersion
from tests.datasets.world import accept_many, build, publish
from tests.factories import (
    NOW,
    MembershipFactory,
    OrganizationFactory,
    PersonaFactory,
    TesterFactory,
    TrainingExampleFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(labels_per_example=1)
    return persona


@pytest.fixture
def tester(persona: Persona) -> Tester:
    tester: Tester = TesterFactory(organization=persona.organization, payout_details={"iban": "DE1"})
    return tester


def ask(persona: Persona, **fields: Any) -> TrainingExample:
    example: TrainingExample = TrainingExampleFactory(persona=persona, **fields)
    return example


def say(tester: Tester, example: TrainingExample, code: str = "lost_card") -> None:
    submit_label(tester=tester, example=example, payload={"code": code}, now=NOW)


def send(persona: Persona, client_id: str) -> ExampleResult:
    item = NewExample(persona.slug, {"text": "My card is gone"}, client_id=client_id)
    (result,) = create_examples(organization=persona.organization, items=[item], by=SYSTEM, now=NOW)
    return result


def erase(withdrawal: Withdrawal) -> Withdrawal:
    return erase_withdrawal(withdrawal=withdrawal, now=NOW)


# --- a tester ---------------------------------------------------------------------------------------------------------


def test_a_testers_words_are_gone_at_once(persona: Persona, tester: Tester) -> None:
    example = ask(persona)
    say(tester, example)
    own = {"organization": persona.organization, "tester": tester}
    GoldAnswer.objects.create(**own, example=example, payload={"code": "lost_card"}, score=1)
    Skip.objects.create(**own, example=ask(persona), reason="other", note="Ask Ada")
    withdrawal = withdraw_tester(tester=tester, by=tester.user, now=NOW, reason="I moved")
    tester.refresh_from_db()
    assert (tester.status, tester.payout_details) == (TesterStatus.WITHDRAWN, None)
    assert Label.objects.values_list("payload", "payload_hash", "agrees").get() == (None, "", True)
    assert GoldAnswer.objects.values_list("payload", "score").get() == (None, 1)
    assert Skip.objects.get().note == ""
    assert (withdrawal.labels_count, withdrawal.examples_count) == (1, 1)


def test_a_question_that_rested_on_the_tester_alone_is_asked_again(persona: Persona, tester: Tester) -> None:
    old = ask(persona, client_id="q-1", response_id="resp_1", conversation_ref="c-1", split_pin="test", output={})
    say(tester, old)
    withdrawal = erase(withdraw_tester(tester=tester, by=tester.user, now=NOW))
    gone, new = TrainingExample.objects.order_by("pk")
    assert (gone.status, gone.input, gone.accepted_label, gone.category) == (ExampleStatus.WITHDRAWN, None, None, "")
    assert (gone.client_id, gone.response_id, gone.conversation_ref) == ("", "", "")
    assert (new.status, new.input, new.accepted_label) == (ExampleStatus.AWAITING_LABELS, old.input, None)
    assert (new.client_id, new.response_id, new.split_pin) == ("q-1", "resp_1", "test")
    assert new.content_hash == gone.content_hash
    assert (new.quality_points, new.quality_score, find_quality_drift()) == (3, Decimal("0.3"), [])
    assert (withdrawal.status, withdrawal.erased_count) == (WithdrawalStatus.DONE, 1)


def test_what_others_said_too_stays(persona: Persona, tester: Tester) -> None:
    Persona.objects.filter(pk=persona.pk).update(labels_per_example=2)
    persona.refresh_from_db()
    other = TesterFactory(organization=persona.organization)
    example = ask(persona)
    say(tester, example)
    say(other, example)
    erase(withdraw_tester(tester=tester, by=tester.user, now=NOW))
    example.refresh_from_db()
    assert (example.status, example.accepted_label) == (ExampleStatus.ACCEPTED, {"code": "lost_card"})
    second = erase(withdraw_tester(tester=other, by=other.user, now=NOW))
    example.refresh_from_db()
    assert (example.status, second.examples_count) == (ExampleStatus.WITHDRAWN, 1)


def test_what_staff_decided_for_the_testers_words_goes_with_them(persona: Persona, tester: Tester) -> None:
    example = ask(
        persona,
        status=ExampleStatus.ACCEPTED,
        accepted_label={"code": "lost_card"},
        accepted_at=NOW,
        accepted_by="staff",
    )
    Label.objects.create(
        organization=persona.organization, example=example, tester=tester, payload={"code": "lost_card"},
        payload_hash="1" * 64, agrees=True,
    )  # fmt: skip
    withdraw_tester(tester=tester, by=tester.user, now=NOW)
    example.refresh_from_db()
    assert example.status == ExampleStatus.WITHDRAWN


def test_a_label_that_was_taken_back_counts_no_more(persona: Persona, tester: Tester) -> None:
    Persona.objects.filter(pk=persona.pk).update(labels_per_example=2)
    persona.refresh_from_db()
    disputed, waiting = ask(persona), ask(persona)
    others = [TesterFactory(organization=persona.organization) for _ in range(2)]
    say(tester, disputed)
    say(others[0], disputed, "exchange_rate")
    say(tester, waiting)
    withdraw_tester(tester=tester, by=tester.user, now=NOW)
    disputed.refresh_from_db()
    assert disputed.status == ExampleStatus.AWAITING_LABELS
    say(others[0], waiting, "exchange_rate")
    waiting.refresh_from_db()
    assert waiting.status == ExampleStatus.AWAITING_LABELS  # one label of two that count
    say(others[1], waiting, "exchange_rate")
    waiting.refresh_from_db()
    assert (waiting.status, waiting.accepted_label) == (ExampleStatus.ACCEPTED, {"code": "exchange_rate"})
    assert Label.objects.get(example=waiting, tester=tester).agrees is None


def test_a_testers_own_question_is_not_asked_again(persona: Persona, tester: Tester) -> None:
    ask(persona, contributed_by=tester.user.email)
    ask(persona, contributed_by="somebody@example.org")
    withdrawal = erase(withdraw_tester(tester=tester, by=tester.user, now=NOW))
    assert withdrawal.examples_count == 1
    assert list(TrainingExample.objects.order_by("pk").values_list("status", flat=True)) == [
        "withdrawn",
        "awaiting_labels",
    ]


def test_what_a_member_brought_in_is_the_organizations(persona: Persona, tester: Tester) -> None:
    MembershipFactory(organization=persona.organization, user=tester.user)
    ask(persona, contributed_by=tester.user.email)
    assert withdraw_tester(tester=tester, by=tester.user, now=NOW).examples_count == 0


def test_a_tester_takes_everything_back_once(tester: Tester) -> None:
    withdraw_tester(tester=tester, by=tester.user, now=NOW)
    with pytest.raises(Conflict) as refused:
        withdraw_tester(tester=tester, by=tester.user, now=NOW)
    assert refused.value.code == "already_withdrawn"


def test_strangers_take_nobody_out(tester: Tester) -> None:
    stranger = MembershipFactory().user
    with pytest.raises(NotFound):
        withdraw_tester(tester=tester, by=stranger, now=NOW)


def test_counts_and_credits_stay(persona: Persona, tester: Tester) -> None:
    for _ in range(3):
        say(tester, ask(persona))
    before = count_agreeing_labels(persona=persona)
    erase(withdraw_tester(tester=tester, by=tester.user, now=NOW))
    assert count_agreeing_labels(persona=persona) == before == {tester.pk: 3}
    assert find_contribution_drift() == []


# --- examples ---------------------------------------------------------------------------------------------------------


def test_the_answer_names_the_datasets_and_erases_their_lines(persona: Persona) -> None:
    examples = accept_many(persona, 20)
    dataset, draft = publish(build(persona)), build(persona, name="Draft")
    chosen = [example.pk for example in examples[:2]]
    withdrawal = withdraw_examples(organization=persona.organization, example_ids=chosen, by=SYSTEM, now=NOW)
    assert withdrawal.report["affected"] == [
        {"kind": "datasets.trainingdataset", "id": each.pk, "name": each.name, "rows": 2, "persona": persona.pk}
        for each in (dataset, draft)
    ]
    dataset.refresh_from_db()
    assert dataset.withdrawn_count == 2
    assert DatasetItem.objects.filter(line="").count() == 0
    jobs.drain()
    assert sorted(DatasetItem.objects.filter(line="").values_list("example", flat=True)) == sorted(chosen * 2)
    assert find_lineage_drift() == []
    again = build(persona)
    assert again.example_count == 18


def test_the_rest_of_the_conversation_goes_too(persona: Persona) -> None:
    before, chosen, after = (ask(persona, conversation_ref="c-1") for _ in range(3))
    elsewhere = ask(persona, conversation_ref="c-2")
    withdraw_examples(organization=persona.organization, example_ids=[chosen.pk], by=SYSTEM, now=NOW)
    out = TrainingExample.objects.filter(status=ExampleStatus.WITHDRAWN).order_by("pk")
    assert list(out) == [chosen, after]
    assert TrainingExample.objects.exclude(pk__in=out).order_by("pk").first() == before
    elsewhere.refresh_from_db()
    assert elsewhere.status == ExampleStatus.AWAITING_LABELS


def test_another_organizations_examples_stay(persona: Persona) -> None:
    foreign = ask(PersonaFactory())
    with pytest.raises(Conflict):
        withdraw_examples(organization=persona.organization, example_ids=[foreign.pk], by=SYSTEM, now=NOW)
    foreign.refresh_from_db()
    assert foreign.status == ExampleStatus.AWAITING_LABELS


@pytest.mark.parametrize("client_id", ["", "q-2"])
def test_a_question_can_be_sent_again_after_it_was_taken_back(persona: Persona, client_id: str) -> None:
    first = send(persona, "q-1")
    erase(withdraw_examples(organization=persona.organization, example_ids=[first.example_id], by=SYSTEM, now=NOW))
    second = send(persona, client_id)
    assert (second.status, second.example_id != first.example_id) == ("created", True)


def test_what_was_taken_back_does_not_return_under_its_id(persona: Persona) -> None:
    first, other = send(persona, "ada@example.org"), PersonaFactory(organization=persona.organization)
    withdrawal = withdraw_examples(
        organization=persona.organization, example_ids=[first.example_id], by=SYSTEM, now=NOW
    )
    assert send(persona, "ada@example.org") == ExampleResult(ExampleResultStatus.EXISTS, first.example_id)
    erase(withdrawal)
    kept = TrainingExample.objects.get().client_id
    assert (kept[:10], len(kept), _tables_with("ada@example.org")) == ("withdrawn:", 50, set())
    for sent in ("ada@example.org", kept):
        assert send(persona, sent) == ExampleResult(ExampleResultStatus.EXISTS, first.example_id)
    assert [send(other, sent).status for sent in ("ada@example.org", kept)] == ["created", "duplicate"]


def test_synthetic_examples_can_be_taken_back(persona: Persona) -> None:
    example = ask(persona, source=ExampleSource.SYNTHETIC, metadata={"template": "cafe"})
    erase(withdraw_examples(organization=persona.organization, example_ids=[example.pk], by=SYSTEM, now=NOW))
    example.refresh_from_db()
    assert (example.source, example.metadata, example.input) == (ExampleSource.SYNTHETIC, {}, None)


# --- everything of an organization ------------------------------------------------------------------------------------


def test_only_an_owner_who_types_the_name_has_everything_erased(persona: Persona) -> None:
    organization = persona.organization
    owner = MembershipFactory(organization=organization, role=Role.OWNER).user
    manager = MembershipFactory(organization=organization, role=Role.MANAGER).user
    with pytest.raises(NotAllowed):
        withdraw_organization(organization=organization, confirmation=organization.slug, by=manager, now=NOW)
    with pytest.raises(InvalidInput):
        withdraw_organization(organization=organization, confirmation="yes", by=owner, now=NOW)
    withdraw_organization(organization=organization, confirmation=organization.slug, by=owner, now=NOW)
    with pytest.raises(Conflict):
        withdraw_organization(organization=organization, confirmation=organization.slug, by=owner, now=NOW)


def test_everything_of_an_organization_goes_and_nothing_of_another(persona: Persona, tester: Tester) -> None:
    say(tester, ask(persona))
    ask(persona)
    other = PersonaFactory(organization=OrganizationFactory())
    foreign = ask(other)
    withdrawal = withdraw_organization(
        organization=persona.organization, confirmation=persona.organization.slug, by=SYSTEM, now=NOW
    )
    withdrawal = erase(withdrawal)
    assert (withdrawal.status, withdrawal.examples_count, withdrawal.labels_count) == (WithdrawalStatus.DONE, 2, 1)
    assert set(TrainingExample.objects.filter(persona=persona).values_list("status", "input")) == {("withdrawn", None)}
    assert Label.objects.get().payload is None
    foreign.refresh_from_db()
    assert foreign.input is not None


# --- the worker -------------------------------------------------------------------------------------------------------


def test_erasing_goes_on_where_a_killed_worker_stopped(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "BATCH", 2)
    ids = [ask(persona).pk for _ in range(5)]
    withdrawal = withdraw_examples(organization=persona.organization, example_ids=ids, by=SYSTEM, now=NOW)
    calls = []

    class Killed(BaseException):
        pass

    def erase_once(*, example_ids: list[int], **_: object) -> None:
        calls.append(example_ids)
        if len(calls) == 2:
            raise Killed

    eraser = erasers().get("datasets")
    monkeypatch.setattr(eraser, "erase", erase_once)
    with pytest.raises(Killed):
        erase(withdrawal)
    withdrawal.refresh_from_db()
    assert (withdrawal.erased_count, withdrawal.status) == (2, WithdrawalStatus.ERASING)
    assert erase(withdrawal).erased_count == 2  # its lease runs: nobody else takes it up
    later = erase_withdrawal(withdrawal=withdrawal, now=NOW + erasing.LEASE * 2)
    assert (later.erased_count, later.status) == (5, WithdrawalStatus.DONE)
    assert calls == [ids[:2], ids[2:4], ids[2:4], ids[4:]]
    assert erase(later).attempts == later.attempts  # done is done


def test_files_of_uploads_are_deleted(persona: Persona, settings: Settings, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    upload = Upload.objects.create(
        organization=persona.organization, persona=persona, file=ContentFile(b"Ada: hello", name="talk.txt"),
        original_name="talk with Ada.txt", sha256="2" * 64, size_bytes=10, uploaded_by="m", extracted_text="Ada: hello",
        report={"speakers": ["Ada"]}, analysis={"traits": ["kind"]}, speaker="Ada",
    )  # fmt: skip
    chosen, sibling = ask(persona, upload=upload), ask(persona, upload=upload)
    own = {"organization": persona.organization, "persona": persona, "origin": f"upload {upload.pk}"}
    prompt = PromptVersion.objects.create(**own, number=1, system_prompt="You speak as Ada does.")
    FewShotExample.objects.create(**own, user_message="Hello?", assistant_message="Ada: hello")
    withdrawal = erase(
        withdraw_examples(organization=persona.organization, example_ids=[chosen.pk], by=SYSTEM, now=NOW)
    )
    assert [(one["kind"], one["id"]) for one in withdrawal.report["affected"]] == [
        ("personas.promptversion", prompt.pk)
    ]
    assert not FewShotExample.objects.exists()
    upload.refresh_from_db()
    assert (upload.file.name, upload.extracted_text, upload.report, upload.analysis) == ("", "", {}, None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    sibling.refresh_from_db()
    assert sibling.input is not None


# --- every encrypted column -------------------------------------------------------------------------------------------

NOT_ERASED = {
    "contributions.withdrawal.reason": "why somebody asked: their own words to the staff, kept with the request",
    "contributions.withdrawal.report": "names of datasets and models, no words of anybody",
    "contributions.protectedname.value": "what the organization keeps out of its exports; staff delete it themselves",
    "personas.promptversion.system_prompt": "the organization's own words; one written from an upload is named instead",
    "providers.providercredential.api_key": "the organization's own key",
}


def test_every_encrypted_column_is_erased_by_somebody_or_excused() -> None:
    columns = {f"{m._meta.label_lower}.{f.name}" for m in encrypted_models() for f in encrypted_fields(m)}
    erased = set().union(*(eraser.erases for eraser in erasers()))
    assert erased & NOT_ERASED.keys() == set()
    assert columns == erased | NOT_ERASED.keys()


def test_nothing_readable_is_left_in_the_database(persona: Persona, tester: Tester, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    example = ask(persona, input={"text": "Zanzibar is my word"}, metadata={"from": "Zanzibar"})
    say(tester, example)
    assert _tables_with("Zanzibar") == {"ai_training_examples"}
    erase(withdraw_examples(organization=persona.organization, example_ids=[example.pk], by=SYSTEM, now=NOW))
    assert _tables_with("Zanzibar") == set()


def test_a_withdrawal_works_with_keys_set(persona: Persona, tester: Tester, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    example = ask(persona)
    say(tester, example)
    assert erase(withdraw_tester(tester=tester, by=UserFactory(is_superuser=True), now=NOW)).status == "done"
    assert TrainingExample.objects.get(pk=example.pk).input is None


def _tables_with(word: str) -> set[str]:
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            if any(word in str(value) for row in cursor.fetchall() for value in row):
                found.add(table)
    return found


# --- a build under way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rendered", [0, 25])
def test_a_build_under_way_fails_and_leaves_nothing(
    persona: Persona, monkeypatch: pytest.MonkeyPatch, rendered: int
) -> None:
    """Whether the lines of what is taken back were written already or not."""
    examples = accept_many(persona, 30)
    render = building.render_examples

    def meanwhile(**arguments: Any) -> Any:
        for place, line in enumerate(render(**arguments)):
            if place == rendered:
                chosen = [examples[0].pk]
                withdraw_examples(organization=persona.organization, example_ids=chosen, by=SYSTEM, now=NOW)
            yield line

    monkeypatch.setattr(building, "render_examples", meanwhile)
    with pytest.raises(Conflict) as refused:
        build(persona)
    assert (refused.value.code, TrainingDataset.objects.count()) == ("examples_changed", 0)
