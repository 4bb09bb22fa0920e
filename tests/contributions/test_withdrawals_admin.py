"""Staff have data deleted that somebody took back; programs too."""

import pytest

from apps.common.audit import SYSTEM
from apps.contributions.enums import WithdrawalScope, WithdrawalStatus
from apps.contributions.models import ProtectedName, Tester, TrainingExample, Withdrawal
from apps.contributions.services import erase_withdrawal, withdraw_examples
from apps.organizations.enums import Role, Scope
from apps.personas.models import Persona
from tests.clients import key_client, staff_client
from tests.datasets.world import accept_many, build, publish
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
EXAMPLES = "/admin/contributions/trainingexample/"
TESTERS = "/admin/contributions/tester/"
WITHDRAWALS = "/admin/contributions/withdrawal/"
NAMES = "/admin/contributions/protectedname/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory()
    return persona


def test_examples_are_deleted_after_a_page_that_asks(persona: Persona) -> None:
    example: TrainingExample = TrainingExampleFactory(persona=persona)
    client = staff_client(persona.organization)
    asked = client.get(f"{EXAMPLES}{example.pk}/take-back/")
    assert "Delete these examples for good?" in asked.content.decode()
    assert Withdrawal.objects.count() == 0
    done = client.post(
        f"{EXAMPLES}{example.pk}/take-back/", {"confirmed": "yes", "reason": "A customer asked"}, follow=True
    )
    withdrawal = Withdrawal.objects.get()
    assert done.redirect_chain[-1][0] == f"{WITHDRAWALS}{withdrawal.pk}/change/"
    assert (withdrawal.scope, withdrawal.reason) == (WithdrawalScope.EXAMPLES, "A customer asked")
    viewer = staff_client(persona.organization, Role.VIEWER)
    assert viewer.post(f"{EXAMPLES}{example.pk}/take-back/", {"confirmed": "yes"}).status_code in (302, 403, 404)
    assert Withdrawal.objects.count() == 1


def test_a_testers_data_is_deleted(persona: Persona) -> None:
    tester: Tester = TesterFactory(organization=persona.organization)
    client = staff_client(persona.organization)
    assert "Delete the data of" in client.get(f"{TESTERS}{tester.pk}/take-back/").content.decode()
    client.post(f"{TESTERS}{tester.pk}/take-back/", {"confirmed": "yes"})
    assert Withdrawal.objects.get().tester == tester


def test_everything_is_deleted_by_an_owner_who_types_its_name(persona: Persona) -> None:
    answers = {"confirmed": "yes", "organization": persona.organization.pk, "confirmation": persona.organization.slug}
    staff_client(persona.organization, Role.MANAGER).post(f"{WITHDRAWALS}everything/", answers)
    owner = staff_client(persona.organization, Role.OWNER)
    wrong = owner.post(f"{WITHDRAWALS}everything/", {**answers, "confirmation": "x"}, follow=True)
    assert "Type " in wrong.content.decode()
    foreign = PersonaFactory().organization
    owner.post(f"{WITHDRAWALS}everything/", {**answers, "organization": foreign.pk, "confirmation": foreign.slug})
    assert Withdrawal.objects.count() == 0
    owner.post(f"{WITHDRAWALS}everything/", answers)
    assert Withdrawal.objects.get().scope == WithdrawalScope.ORGANIZATION


def test_the_page_names_what_holds_it_and_where_to_build_anew(persona: Persona) -> None:
    examples = accept_many(persona, 20)
    dataset = publish(build(persona))
    client = staff_client(persona.organization)
    withdrawal = withdraw_examples(organization=persona.organization, example_ids=[examples[0].pk], by=SYSTEM, now=NOW)
    page = client.get(f"{WITHDRAWALS}{withdrawal.pk}/change/").content.decode()
    assert f"/admin/datasets/trainingdataset/{dataset.pk}/change/" in page
    assert f"build/?persona={persona.pk}" in page
    assert "contains 1 withdrawn row" in client.get("/admin/datasets/trainingdataset/").content.decode()
    assert (
        "contains 1 withdrawn row"
        in client.get(f"/admin/datasets/trainingdataset/{dataset.pk}/change/").content.decode()
    )


def test_what_was_left_is_tried_again(persona: Persona) -> None:
    withdrawal = Withdrawal.objects.create(
        organization=persona.organization, scope="examples", requested_by="m", status=WithdrawalStatus.FAILED,
        report={"affected": [], "left": ["File f of job 1"]}, finished_at=NOW,
    )  # fmt: skip
    client = staff_client(persona.organization)
    assert "File f of job 1" in client.get(f"{WITHDRAWALS}{withdrawal.pk}/retry/").content.decode()
    client.post(f"{WITHDRAWALS}{withdrawal.pk}/retry/", {"confirmed": "yes"})
    withdrawal.refresh_from_db()
    assert withdrawal.status == WithdrawalStatus.REQUESTED
    assert erase_withdrawal(withdrawal=withdrawal, now=NOW).status == WithdrawalStatus.DONE


def test_a_program_takes_an_example_back(persona: Persona) -> None:
    example, foreign = TrainingExampleFactory(persona=persona), TrainingExampleFactory()
    client = key_client(persona.organization, Scope.CONTRIBUTE, Scope.TRAIN)
    answer = client.post(f"/api/examples/{example.pk}/withdraw/", {"reason": "asked"}, format="json")
    assert (answer.status_code, answer.json()["examples_count"], answer.json()["affected"]) == (200, 1, [])
    again = client.post(f"/api/examples/{example.pk}/withdraw/", {}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_withdrawn")
    assert client.post(f"/api/examples/{foreign.pk}/withdraw/", {}, format="json").status_code == 404


@pytest.mark.parametrize("scopes", [[Scope.READ], [Scope.CONTRIBUTE], [Scope.TRAIN]])
def test_a_key_that_only_adds_or_only_trains_takes_nothing_back(persona: Persona, scopes: list[Scope]) -> None:
    example = TrainingExampleFactory(persona=persona)
    client = key_client(persona.organization, *scopes)
    answer = client.post(f"/api/examples/{example.pk}/withdraw/", {}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")
    example.refresh_from_db()
    assert (example.status, Withdrawal.objects.count()) == ("awaiting_labels", 0)


def test_names_are_protected_and_no_longer(persona: Persona) -> None:
    client = staff_client(persona.organization)
    given = {"organization": persona.organization.pk, "kind": "person", "value": "  Ada   Lovelace "}
    client.post(f"{NAMES}add/", given)
    name = ProtectedName.objects.get()
    assert (name.value, name.organization) == ("Ada Lovelace", persona.organization)
    assert "It is protected already" in client.post(f"{NAMES}add/", given).content.decode()
    assert "cannot be told from other words" in client.post(f"{NAMES}add/", {**given, "value": "x"}).content.decode()
    chosen = {"action": "stop_protecting", "_selected_action": name.pk}
    assert "Ada Lovelace" in client.post(NAMES, chosen).content.decode()
    client.post(NAMES, {**chosen, "confirmed": "yes"})
    assert ProtectedName.objects.count() == 0
