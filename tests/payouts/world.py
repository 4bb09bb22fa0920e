"""The cast of the money tests: a persona, its testers, a version trained on their labels, paid runs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from django.db import transaction

from apps.chat.models import Response
from apps.contributions.enums import ExampleStatus, Split
from apps.contributions.models import Contribution, Label, Tester, TrainingExample
from apps.custom_models.models import CustomModel
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import DatasetItem, ItemCredit, TrainingDataset
from apps.organizations.models import Organization
from apps.payouts.enums import AccountKind, TransferPurpose
from apps.payouts.models import LedgerAccount, Payout, Transfer
from apps.payouts.services import open_account, transfer
from apps.personas.models import Persona
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory, UserFactory

DAY = NOW.date()
TOMORROW = NOW + timedelta(days=1)
PRICE = 50_000  # micros: five cents a run
_serial = count(1)


def make_persona(**fields: object) -> Persona:
    persona: Persona = PersonaFactory(name="Bank question coder", price_per_run_micros=PRICE, **fields)
    return persona


def make_tester(organization: Organization, name: str = "Ada") -> Tester:
    tester: Tester = TesterFactory(organization=organization, display_name=name, user=UserFactory(name=name))
    return tester


def make_version(persona: Persona, rows: Mapping[Tester | None, int], *, validation: int = 0) -> CustomModel:
    """A version trained on a published dataset with so many training rows labelled by each tester (None: by nobody)."""
    number = next(_serial)
    dataset = TrainingDataset.objects.create(
        organization=persona.organization, persona=persona, name=f"Dataset {number}", training_count=sum(rows.values())
    )
    position = count()
    for tester, how_many in rows.items():
        for _ in range(how_many):
            add_item(dataset, position=next(position), credits={tester: 1_000_000} if tester else {})
    for place in range(validation):
        add_item(dataset, position=place, split=Split.VALIDATION, credits={t: 1_000_000 for t in rows if t})
    TrainingDataset.objects.filter(pk=dataset.pk).update(
        status=DatasetStatus.READY, published_at=NOW, published_by="staff@example.org"
    )
    return CustomModel.objects.create(
        organization=persona.organization,
        persona=persona,
        number=persona.custom_models.count() + 1,
        name=f"Version {number}",
        base_model=persona.base_model,
        provider="openai",
        fine_tuned_model_id=f"ft:recall-1:bank::{number}",
        training_dataset=dataset,
    )


def add_item(
    dataset: TrainingDataset, *, position: int, credits: Mapping[Tester, int], split: Split = Split.TRAIN
) -> DatasetItem:
    example: TrainingExample = TrainingExampleFactory(
        persona=dataset.persona,
        accepted_label={"code": "lost_card"},
        status=ExampleStatus.ACCEPTED,
        accepted_at=NOW,
        accepted_by="agreement",
    )
    item = DatasetItem.objects.create(
        dataset=dataset,
        example=example,
        split=split,
        position=position,
        content_hash=example.content_hash,
        line="{}",
        line_sha256="0" * 64,
    )
    for tester, weight in credits.items():
        add_label(example, tester)
        ItemCredit.objects.create(dataset=dataset, item=item, tester=tester, weight=weight, rule="test-1")
    return item


def add_label(example: TrainingExample, tester: Tester, *, code: str = "lost_card") -> Label:
    return Label.objects.create(
        organization=example.organization,
        example=example,
        tester=tester,
        payload={"code": code},
        payload_hash="0" * 64,
        agrees=True,
    )


def contribute(tester: Tester, persona: Persona, *, completed: int) -> Contribution:
    return Contribution.objects.create(
        organization=persona.organization, tester=tester, persona=persona, training_tests_completed=completed
    )


def paid_runs(
    persona: Persona,
    how_many: int = 1,
    *,
    model: CustomModel | None = None,
    at: datetime = NOW,
    price: int = PRICE,
    currency: str = "EUR",
    **fields: object,
) -> list[Response]:
    responses = [
        Response(
            organization=persona.organization,
            persona=persona,
            public_id=f"resp_{next(_serial)}",
            custom_model=model,
            base_model=persona.base_model,
            model_name=model.fine_tuned_model_id if model else "recall-1",
            messages=[{"role": "user", "content": "Where is my card?"}],
            price_micros=price,
            price_currency=currency,
            share_rate=persona.revenue_share_rate,
            customer="customer-1",
            created_at=at,
            updated_at=at,
            **fields,
        )
        for _ in range(how_many)
    ]
    with transaction.atomic():
        for response in responses:
            response.save_base(raw=True, force_insert=True)  # as fixtures are loaded: else `created_at` would be now
    return responses


def account_of(tester: Tester, currency: str = "EUR") -> LedgerAccount:
    return open_account(organization=tester.organization, kind=AccountKind.TESTER, tester=tester, currency=currency)


def organization_account(organization: Organization, kind: AccountKind, currency: str = "EUR") -> LedgerAccount:
    return open_account(organization=organization, kind=kind, currency=currency)


def credit(tester: Tester, amount_micros: int, *, key: str = "grant") -> Transfer:
    """Put money on a tester's account by a correction."""
    return transfer(
        debit=organization_account(tester.organization, AccountKind.REVENUE),
        credit=account_of(tester),
        amount_micros=amount_micros,
        purpose=TransferPurpose.CORRECTION,
        key=key,
        by=tester.user,
    )


def make_payout(tester: Tester, amount_micros: int) -> Payout:
    return Payout.objects.create(
        organization=tester.organization,
        tester=tester,
        amount_micros=amount_micros,
        currency="EUR",
        rail="csv",
        created_by="staff@example.org",
    )


def rate(persona: Persona, value: str) -> Persona:
    persona.revenue_share_rate = Decimal(value)
    persona.save()
    return persona
