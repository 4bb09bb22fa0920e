import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.common.audit import SYSTEM
from apps.common.errors import Conflict, InvalidInput, NotFound
from apps.common.models import AuditEvent
from apps.organizations.enums import Currency
from apps.organizations.models import Organization
from apps.personas.models import MAX_PRICE_MICROS, FewShotExample, Persona, PromptVersion
from apps.personas.queries import active_prompt, build_messages, get_persona
from apps.personas.services import activate_prompt_version, add_prompt_version, change_persona, create_persona
from apps.providers.models import ProviderCredential
from tests.factories import CODEBOOK, NOW, BaseModelFactory, OrganizationFactory, PersonaFactory

pytestmark = pytest.mark.django_db


def _create(organization: Organization, **fields: Any) -> Persona:
    return create_persona(
        **{
            "organization": organization,
            "slug": "coder",
            "name": "Coder",
            "task": "survey_coding",
            "base_model": BaseModelFactory(),
            "settings": {"codes": CODEBOOK},
            "by": SYSTEM,
            **fields,
        }
    )


def test_a_new_persona_has_the_tasks_prompt_active_and_the_organizations_currency() -> None:
    persona = _create(OrganizationFactory(currency=Currency.USD))
    prompt = active_prompt(persona)
    assert prompt is not None
    assert (prompt.number, prompt.activated_at) == (1, persona.created_at)
    assert "- lost_card: Lost card." in prompt.system_prompt
    assert (persona.currency, str(persona.revenue_share_rate)) == ("USD", "0.3000")
    assert AuditEvent.objects.get(verb="created").object_type == "personas.persona"


def test_a_share_rate_of_zero_is_kept() -> None:
    assert _create(OrganizationFactory(), revenue_share_rate=0).revenue_share_rate == 0


def test_a_slug_is_taken_once_per_organization() -> None:
    organization = OrganizationFactory()
    _create(organization)
    with pytest.raises(Conflict, match="already has a persona 'coder'"):
        _create(organization)
    assert _create(OrganizationFactory()).slug == "coder"


def test_only_a_taken_slug_is_told_as_one() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        _create(OrganizationFactory(), name=None)  # a defect of the caller's, which no other slug would cure


@pytest.mark.parametrize(
    ("field", "value"), [("revenue_share_rate", Decimal("1.1")), ("revenue_share_rate", -1), ("labels_per_example", 0)]
)
def test_numbers_that_cannot_be(field: str, value: Any) -> None:
    if field != "labels_per_example":
        with pytest.raises(InvalidInput) as refused:
            _create(OrganizationFactory(), **{field: value})
        assert refused.value.param == field
    persona = PersonaFactory()
    setattr(persona, field, value)
    with pytest.raises(InvalidInput) as refused:
        change_persona(persona=persona, changed=[field], by=SYSTEM)
    assert refused.value.param == field


@pytest.mark.parametrize("fields", [{"task": "roast"}, {"task": "nonsense"}, {"settings": {}}])
def test_an_unknown_task_or_an_empty_codebook_creates_nothing(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        _create(OrganizationFactory(), **fields)
    assert not Persona.objects.exists()


def test_prompt_versions_are_numbered_and_one_is_active() -> None:
    persona = _create(OrganizationFactory())
    second = add_prompt_version(persona=persona, system_prompt="Two.", by=SYSTEM, notes="shorter")
    assert (second.number, second.is_active) == (2, False)
    activate_prompt_version(prompt=second, by=SYSTEM, now=NOW)
    assert active_prompt(persona) == second
    assert PromptVersion.objects.filter(is_active=True).count() == 1
    with pytest.raises(Conflict):
        activate_prompt_version(prompt=second, by=SYSTEM, now=NOW)


def test_an_older_version_can_be_activated_again() -> None:
    persona = _create(OrganizationFactory())
    first = persona.prompt_versions.get()
    activate_prompt_version(
        prompt=add_prompt_version(persona=persona, system_prompt="Two.", by=SYSTEM), by=SYSTEM, now=NOW
    )
    activate_prompt_version(prompt=first, by=SYSTEM, now=NOW)
    assert active_prompt(persona) == first


def test_messages_are_prompt_then_examples_then_what_the_caller_said() -> None:
    persona = _create(OrganizationFactory())
    for position, said in ((2, "b"), (1, "a")):
        FewShotExample.objects.create(
            organization=persona.organization, persona=persona, position=position,
            user_message=said, assistant_message=said.upper(),
        )  # fmt: skip
    FewShotExample.objects.create(
        organization=persona.organization, persona=persona, user_message="x", assistant_message="X", is_active=False
    )
    prompt = active_prompt(persona)
    assert prompt is not None
    built = build_messages(persona=persona, prompt=prompt, messages=[{"role": "user", "content": "now"}])
    assert [(message["role"], message["content"]) for message in built] == [
        ("system", prompt.system_prompt),
        ("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "B"),
        ("user", "now"),
    ]  # fmt: skip
    assert build_messages(persona=PersonaFactory(), prompt=None, messages=[]) == []


def test_a_persona_is_found_by_its_own_organization_only() -> None:
    persona = PersonaFactory(slug="coder")
    assert get_persona(organization=persona.organization, slug="coder") == persona
    for organization, slug in ((OrganizationFactory(), "coder"), (persona.organization, "other")):
        with pytest.raises(NotFound):
            get_persona(organization=organization, slug=slug)


def test_a_persona_that_is_off_is_not_found() -> None:
    persona = PersonaFactory(is_active=False)
    with pytest.raises(NotFound):
        get_persona(organization=persona.organization, slug=persona.slug)


def test_changes_are_audited_and_identity_stays() -> None:
    persona = PersonaFactory()
    persona.guidelines = "Read twice."
    change_persona(persona=persona, changed=["guidelines"], by=SYSTEM)
    assert Persona.objects.get().guidelines == "Read twice."
    assert AuditEvent.objects.get(verb="changed").data == {"fields": ["guidelines"]}
    with pytest.raises(Conflict, match="slug, task of a persona cannot change"):
        change_persona(persona=persona, changed=["task", "slug"], by=SYSTEM)


def test_a_persona_cannot_use_a_strangers_credential() -> None:
    persona = PersonaFactory()
    persona.credential = ProviderCredential.objects.create(
        organization=OrganizationFactory(), provider="openai", name="theirs", api_key="sk-secret"
    )
    with pytest.raises(InvalidInput, match="another organization"):
        change_persona(persona=persona, changed=["credential"], by=SYSTEM)
    assert Persona.objects.get().credential is None


@pytest.mark.django_db(transaction=True)
def test_activations_at_the_same_moment_leave_one_active() -> None:
    persona = _create(OrganizationFactory())
    prompts = [add_prompt_version(persona=persona, system_prompt=f"{n}.", by=SYSTEM) for n in range(6)]
    errors: list[BaseException] = []

    def activate(prompt: PromptVersion) -> None:
        try:
            activate_prompt_version(prompt=prompt, by=SYSTEM, now=NOW)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=activate, args=[prompt]) for prompt in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert PromptVersion.objects.filter(persona=persona, is_active=True).count() == 1


@pytest.mark.parametrize("price", [-1, MAX_PRICE_MICROS + 1, 2**63 - 1, 2**64])
def test_a_price_that_no_run_can_have(price: int) -> None:
    """Two runs at 2^63 - 1 micros could not be summed, and stopped the closing of everybody's day."""
    persona = PersonaFactory()
    facts = {"name": "n", "task": "survey_coding", "settings": {"codes": CODEBOOK}, "base_model": persona.base_model}
    with pytest.raises(InvalidInput) as refused:
        create_persona(organization=persona.organization, slug="new", price_per_run_micros=price, by=SYSTEM, **facts)  # type: ignore[arg-type]
    assert refused.value.param == "price_per_run_micros"
    persona.price_per_run_micros = price
    with pytest.raises(InvalidInput):
        change_persona(persona=persona, changed=["price_per_run_micros"], by=SYSTEM)


def test_the_database_has_the_limit_too() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonaFactory(price_per_run_micros=MAX_PRICE_MICROS + 1)
    assert PersonaFactory(price_per_run_micros=MAX_PRICE_MICROS).pk
