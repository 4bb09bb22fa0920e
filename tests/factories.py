"""Boring factories: one row each, nothing clever."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from apps.chat.models import Response
from apps.contributions.enums import ExampleKind, ExampleSource, TesterStatus
from apps.contributions.models import Tester, TrainingExample
from apps.custom_models.models import CustomModel
from apps.organizations.enums import Plan
from apps.organizations.models import Membership, Organization, User
from apps.personas.enums import TaskName
from apps.personas.models import Persona
from apps.providers.models import BaseModel

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CODEBOOK = [
    {"code": "lost_card", "title": "Lost card", "description": "The card is lost or stolen."},
    {"code": "exchange_rate", "title": "Exchange rate", "description": "Asks about rates."},
    {"code": "top_up_failed", "title": "Top-up failed", "description": "Money did not arrive by top-up."},
]


class OrganizationFactory(DjangoModelFactory[Organization]):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")
    plan = Plan.PLUS


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    name = factory.Sequence(lambda n: f"Person {n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = "manager"


class BaseModelFactory(DjangoModelFactory[BaseModel]):
    class Meta:
        model = BaseModel
        django_get_or_create = ("provider", "name")

    provider = "openai"
    name = "recall-1"
    can_train = True


class PersonaFactory(DjangoModelFactory[Persona]):
    class Meta:
        model = Persona

    organization = factory.SubFactory(OrganizationFactory)
    slug = factory.Sequence(lambda n: f"persona-{n}")
    name = factory.Sequence(lambda n: f"Persona {n}")
    task = TaskName.SURVEY_CODING
    settings = factory.LazyFunction(lambda: {"codes": CODEBOOK})
    base_model = factory.SubFactory(BaseModelFactory)


class TesterFactory(DjangoModelFactory[Tester]):
    class Meta:
        model = Tester

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    display_name = factory.Sequence(lambda n: f"Tester {n}")
    status = TesterStatus.ACTIVE
    consented_at = NOW
    consent_wording = "I agree that my labels train this organization's models."


class TrainingExampleFactory(DjangoModelFactory[TrainingExample]):
    class Meta:
        model = TrainingExample

    persona = factory.SubFactory(PersonaFactory)
    organization = factory.SelfAttribute("persona.organization")
    kind = ExampleKind.SURVEY_ANSWER
    source = ExampleSource.IMPORT
    input = factory.Sequence(lambda n: {"text": f"I cannot find my card number {n}"})
    content_hash = factory.Sequence(lambda n: f"{n:064x}")


class CustomModelFactory(DjangoModelFactory[CustomModel]):
    class Meta:
        model = CustomModel

    persona = factory.SubFactory(PersonaFactory)
    organization = factory.SelfAttribute("persona.organization")
    number = 1
    name = factory.LazyAttribute(lambda model: f"v{model.number}")
    base_model = factory.SelfAttribute("persona.base_model")
    provider = "openai"
    fine_tuned_model_id = factory.LazyAttribute(lambda model: f"ft:recall-1:acme:bank:{model.number}")


class ResponseFactory(DjangoModelFactory[Response]):
    class Meta:
        model = Response

    persona = factory.SubFactory(PersonaFactory)
    organization = factory.SelfAttribute("persona.organization")
    public_id = factory.Sequence(lambda n: f"resp_{n:024d}")
    base_model = factory.SelfAttribute("persona.base_model")
    model_name = "recall-1"
    messages = factory.LazyFunction(lambda: [{"role": "user", "content": "hi"}])
    share_rate = factory.SelfAttribute("persona.revenue_share_rate")
    output = "hello"


def count_from(number: int) -> None:
    """Begin every factory's sequence at `number`, so that a test's names do not depend on the tests before it."""
    for made_by in DjangoModelFactory.__subclasses__():
        made_by.reset_sequence(number)
