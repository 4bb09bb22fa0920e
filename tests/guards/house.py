"""A whole organization: its people, and at least one row of every table that belongs to a tenant.

Everything in it that can be read carries its `mark`, so that a single search finds whatever leaks.
"""

from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile

from apps.abtests.enums import ModelType
from apps.abtests.models import ABTest, Observation, Rollout, Variant
from apps.chat.models import Conversation, Response
from apps.common.audit import SYSTEM
from apps.common.embedded import mint_trainer_key
from apps.common.ids import sha256
from apps.contributions.enums import ExampleStatus, Split, UploadStatus
from apps.contributions.models import (
    Contribution,
    DuplicateSearch,
    GoldAnswer,
    Label,
    ProtectedName,
    ReferenceAnswer,
    Skip,
    Tester,
    TrainingExample,
    Upload,
    Withdrawal,
)
from apps.custom_models.models import (
    Activation,
    CustomModel,
    Evaluation,
    EvaluationAnswer,
    EvaluationArm,
    FineTuneEvent,
    FineTuneJob,
)
from apps.datasets.models import DatasetItem, ItemCredit, TrainingDataset
from apps.feedback.models import ApprovalTally, ModelFeedback, RetrainingPolicy
from apps.organizations.enums import Role, Scope
from apps.organizations.models import ApiKey, Organization, User
from apps.organizations.services import add_member, create_api_key
from apps.payouts.enums import AccountKind, ShareBasis, TransferPurpose
from apps.payouts.models import LedgerAccount, Payout, RevenueDay, RevenueEvent, Share, Transfer
from apps.personas.models import FewShotExample, Persona, PromptVersion
from apps.providers.models import ProviderCredential
from apps.trainer.models import TrainerFile, TrainerJob, TrainerJobEvent, TrainerJobTag, TrainerModel
from tests.factories import (
    NOW,
    OrganizationFactory,
    PersonaFactory,
    ResponseFactory,
    TesterFactory,
    TrainingExampleFactory,
    UserFactory,
)


@dataclass(frozen=True)
class House:
    mark: str
    organization: Organization
    manager: User
    viewer: User
    tester: Tester
    key: ApiKey
    token: str  # of an API key with every scope
    trainer_key: str
    persona: Persona
    examples: dict[str, TrainingExample]
    drafts: TrainingDataset
    published: TrainingDataset
    open_job: FineTuneJob
    model: CustomModel
    live: CustomModel
    response: Response
    conversation: Conversation
    share: Share
    file: TrainerFile
    trainer_job: TrainerJob
    trainer_model: TrainerModel


def furnish(mark: str) -> House:
    organization: Organization = OrganizationFactory(name=f"{mark} house", slug=f"{mark}-house")
    manager = _member(mark, organization, Role.MANAGER)
    tester: Tester = TesterFactory(
        organization=organization,
        display_name=f"{mark} tester",
        user=UserFactory(email=f"{mark}-tester@example.org", name=f"{mark} tester"),
        payout_details={"iban": f"{mark}-iban"},
    )
    key, token = create_api_key(
        organization=organization, name=f"{mark} key", scopes=Scope.values, by=SYSTEM, now=NOW, days=3650
    )
    persona = _persona(mark, organization)
    examples = _examples(mark, persona, tester)
    draft = _dataset(mark, persona, tester, examples["accepted"], name="draft")
    published = _dataset(mark, persona, tester, examples["accepted"], name="published")
    TrainingDataset.objects.filter(pk=published.pk).update(
        approved_at=NOW,
        approved_by=manager.email,
        published_at=NOW,
        published_by=manager.email,
        training_sha256="1" * 64,
    )
    published.refresh_from_db()
    open_job = _job(mark, published, manager)
    live, model = (_version(mark, published, number) for number in (1, 2))
    CustomModel.objects.filter(pk=live.pk).update(is_active=True)
    Activation.objects.create(
        organization=organization, persona=persona, custom_model=live, activated_at=NOW,
        activated_by=manager.email, activated_reason=f"{mark} reason",
    )  # fmt: skip
    _evaluate(mark, live, examples["accepted"])
    variant = _tests(mark, persona, live, model)
    conversation = Conversation.objects.create(
        organization=organization, persona=persona, reference=f"{mark}-conversation", title=f"{mark} title"
    )
    response = _answer(mark, persona, live, conversation, variant)
    return House(
        mark=mark,
        organization=organization,
        manager=manager,
        viewer=_member(mark, organization, Role.VIEWER),
        tester=tester,
        key=key,
        token=token,
        trainer_key=mint_trainer_key(account=organization.slug),
        persona=persona,
        examples=examples,
        drafts=draft,
        published=published,
        open_job=open_job,
        model=model,
        live=live,
        response=response,
        conversation=conversation,
        share=_money(mark, response, live, tester, manager),
        **_trainer(mark, organization.slug),
    )


def _member(mark: str, organization: Organization, role: Role) -> User:
    user: User = UserFactory(email=f"{mark}-{role}@example.org", name=f"{mark} {role}", is_staff=True)
    add_member(organization=organization, user=user, role=role, by=SYSTEM)
    return user


def _persona(mark: str, organization: Organization) -> Persona:
    credential = ProviderCredential.objects.create(
        organization=organization, provider="openai", name=f"{mark} credential",
        base_url=f"https://{mark}.example.com/v1", api_key=f"sk-{mark}",
    )  # fmt: skip
    persona: Persona = PersonaFactory(
        organization=organization, slug=f"{mark}-persona", name=f"{mark} persona", identity=f"{mark} identity",
        guidelines=f"{mark} guidelines", price_per_run_micros=50_000,
    )  # fmt: skip
    ProviderCredential.objects.filter(pk=credential.pk).update(check_error=f"{mark} error")
    for number in (1, 2):
        PromptVersion.objects.create(
            organization=organization, persona=persona, number=number, system_prompt=f"{mark} prompt {number}",
            notes=f"{mark} notes", is_active=number == 1, activated_at=NOW if number == 1 else None,
            activated_by=f"{mark}-manager@example.org" if number == 1 else "",
        )  # fmt: skip
    FewShotExample.objects.create(
        organization=organization, persona=persona, user_message=f"{mark} asks", assistant_message=f"{mark} answers"
    )
    return persona


def _examples(mark: str, persona: Persona, tester: Tester) -> dict[str, TrainingExample]:
    upload = Upload.objects.create(
        organization=persona.organization, persona=persona, file="uploads/none", original_name=f"{mark}.txt",
        sha256="2" * 64, size_bytes=1, uploaded_by=f"{mark}-manager@example.org", media_type="text/plain",
        status="needs_speaker", extracted_text=f"{mark}: hello", error_message=f"{mark} error",
        report={"speakers": [{"name": f"{mark} speaker", "turns": 1, "words": 1}]},
    )  # fmt: skip
    Upload.objects.create(
        organization=persona.organization, persona=persona, file="uploads/none", original_name=f"{mark}-rows.csv",
        sha256="6" * 64, size_bytes=1, uploaded_by=f"{mark}-manager@example.org", status=UploadStatus.CHECKED,
        report={"shape": "csv_rows", "pin": "", "label_as": None},
    )  # fmt: skip
    texts = {name: {"text": f"{mark} says {name}"} for name in ("waiting", "disputed", "accepted", "tested")}
    accepted = {
        "status": ExampleStatus.ACCEPTED, "accepted_label": {"code": "lost_card"}, "category": "lost_card",
        "accepted_at": NOW, "accepted_by": "staff", "quality_score": 1,
    }  # fmt: skip
    made: dict[str, TrainingExample] = {
        "waiting": TrainingExampleFactory(persona=persona, input=texts["waiting"], upload=upload),
        "disputed": TrainingExampleFactory(persona=persona, input=texts["disputed"], status=ExampleStatus.DISPUTED),
        "accepted": TrainingExampleFactory(persona=persona, input=texts["accepted"], **accepted),
        "tested": TrainingExampleFactory(persona=persona, input=texts["tested"], split_pin=Split.TEST, **accepted),
    }
    for name, agrees in (("disputed", None), ("accepted", True)):
        Label.objects.create(
            organization=persona.organization, example=made[name], tester=tester, payload={"code": "lost_card"},
            payload_hash="3" * 64, agrees=agrees,
        )  # fmt: skip
    _beside_labels(mark, made["accepted"], tester)
    return made


def _beside_labels(mark: str, example: TrainingExample, tester: Tester) -> None:
    own = {"organization": example.organization}
    GoldAnswer.objects.create(**own, example=example, tester=tester, payload={"code": f"{mark} gold"}, score=1.0)
    Skip.objects.create(**own, example=example, tester=tester, reason="other", note=f"{mark} note", is_report=True)
    ReferenceAnswer.objects.create(
        **own, persona=example.persona, category=f"{mark} category", text=f"{mark} reference", content_hash="4" * 64,
        added_by=f"{mark}-manager@example.org",
    )  # fmt: skip
    ProtectedName.objects.create(
        **own, kind="person", value=f"{mark} protected", value_hash="5" * 64,
        added_by=f"{mark}-manager@example.org",
    )  # fmt: skip
    DuplicateSearch.objects.create(
        **own, persona=example.persona, requested_by=f"{mark}-manager@example.org", error_message=f"{mark} error"
    )
    Withdrawal.objects.create(
        **own, scope="tester", tester=tester, reason=f"{mark} reason", requested_by=f"{mark}-manager@example.org"
    )


def _dataset(mark: str, persona: Persona, tester: Tester, example: TrainingExample, *, name: str) -> TrainingDataset:
    dataset = TrainingDataset.objects.create(
        organization=persona.organization, persona=persona, name=f"{mark} {name}", description=f"{mark} description",
        example_count=1, training_count=1,
    )  # fmt: skip
    line = f'{{"messages": [{{"role": "user", "content": "{mark}"}}]}}'
    item = DatasetItem.objects.create(
        dataset=dataset, example=example, split=Split.TRAIN, position=0, content_hash=example.content_hash,
        line=line, line_sha256=sha256(line.encode()),
    )  # fmt: skip
    if name == "published":
        ItemCredit.objects.create(dataset=dataset, item=item, tester=tester, weight=1_000_000, rule=f"{mark}-rule")
    return dataset


def _job(mark: str, dataset: TrainingDataset, manager: User) -> FineTuneJob:
    job = FineTuneJob.objects.create(
        organization=dataset.organization, user=manager, persona=dataset.persona, dataset=dataset,
        base_model=dataset.persona.base_model, provider="openai", suffix=f"{mark}-suffix",
        client_reference=f"{mark}-reference", started_by=manager.email, training_sha256="1" * 64,
    )  # fmt: skip
    FineTuneEvent.objects.create(
        job=job, remote_id=f"{mark}-event", at=NOW, level="info", type="message", message=f"{mark} message"
    )
    return job


def _version(mark: str, dataset: TrainingDataset, number: int) -> CustomModel:
    return CustomModel.objects.create(
        organization=dataset.organization, persona=dataset.persona, number=number, name=f"{mark} version {number}",
        base_model=dataset.persona.base_model, provider="openai", fine_tuned_model_id=f"ft:{mark}:{number}",
        training_dataset=dataset,
    )  # fmt: skip


def _evaluate(mark: str, model: CustomModel, example: TrainingExample) -> None:
    evaluation = Evaluation.objects.create(
        organization=model.organization, persona=model.persona, candidate=model, status="completed", test_size=1,
        started_by=f"{mark}-manager@example.org",
    )  # fmt: skip
    EvaluationArm.objects.create(
        evaluation=evaluation, model_name=f"{mark} base", accuracy=0.5, interval_low=0.4, interval_high=0.6
    )
    arm = EvaluationArm.objects.create(
        evaluation=evaluation, custom_model=model, model_name=f"{mark}", accuracy=1, interval_low=1, interval_high=1
    )
    EvaluationAnswer.objects.create(arm=arm, example=example, answer=f"{mark} answer", score=1, latency_ms=1)


def _tests(mark: str, persona: Persona, live: CustomModel, model: CustomModel) -> Variant:
    abtest = ABTest.objects.create(organization=persona.organization, persona=persona, name=f"{mark} test")
    Variant.objects.create(abtest=abtest, name=f"{mark} b", custom_model=model)
    Rollout.objects.create(
        organization=persona.organization, persona=persona, candidate=model, started_by=f"{mark}@example.org"
    )
    return Variant.objects.create(abtest=abtest, name=f"{mark} a", custom_model=live)


def _answer(mark: str, persona: Persona, model: CustomModel, conversation: Conversation, variant: Variant) -> Response:
    response: Response = ResponseFactory(
        persona=persona, public_id=f"resp_{mark}", custom_model=model, conversation=conversation, variant=variant,
        messages=[{"role": "user", "content": f"{mark} asks"}], output=f"{mark} answers", customer=f"{mark}-customer",
        price_micros=50_000, unit=f"{mark}-unit", tags={"mark": mark}, called_by=f"{mark}-manager@example.org",
    )  # fmt: skip
    Observation.objects.create(
        organization=persona.organization, variant=variant, unit=f"{mark}-unit", model_type=ModelType.CUSTOM,
        response_id=response.public_id,
    )  # fmt: skip
    ModelFeedback.objects.create(
        organization=persona.organization, response=response, custom_model=model, feedback_type="approved",
        comment=f"{mark} comment", given_by=f"{mark}-manager@example.org",
    )  # fmt: skip
    ApprovalTally.objects.create(organization=persona.organization, custom_model=model, judged=1, approved=1)
    RetrainingPolicy.objects.create(organization=persona.organization, persona=persona)
    return response


def _money(mark: str, response: Response, model: CustomModel, tester: Tester, manager: User) -> Share:
    house, persona = response.organization, response.persona
    event = RevenueEvent.objects.create(
        organization=house, response=response, persona=persona, custom_model=model, customer=f"{mark}-customer",
        day=NOW.date(), amount_micros=50_000, currency="EUR", share_rate="0.3",
    )  # fmt: skip
    day = RevenueDay.objects.create(
        organization=house, persona=persona, custom_model=model, day=NOW.date(), currency="EUR", run_count=1,
        revenue_micros=50_000, share_rate="0.3", pool_micros=15_000, shared_micros=15_000,
        basis=ShareBasis.LINEAGE, rule="lineage-1", total_weight=1_000_000, closed_by=manager.email,
    )  # fmt: skip
    share = Share.objects.create(
        organization=house, revenue_day=day, tester=tester, weight=1_000_000, items=1, amount_micros=15_000,
        currency="EUR",
    )  # fmt: skip
    customers, revenue, own = (
        LedgerAccount.objects.create(organization=house, kind=kind, tester=owner, currency="EUR")
        for kind, owner in ((AccountKind.CUSTOMERS, None), (AccountKind.REVENUE, None), (AccountKind.TESTER, tester))
    )
    Transfer.objects.create(
        organization=house, debit=customers, credit=revenue, amount_micros=50_000, currency="EUR",
        purpose=TransferPurpose.REVENUE, key=f"{mark}-revenue", revenue_event=event,
    )  # fmt: skip
    Transfer.objects.create(
        organization=house, debit=revenue, credit=own, amount_micros=15_000, currency="EUR",
        purpose=TransferPurpose.SHARE, key=f"{mark}-share", revenue_day=day, share=share,
    )  # fmt: skip
    Payout.objects.create(
        organization=house, tester=tester, amount_micros=1, currency="EUR", rail="csv", created_by=manager.email
    )
    Contribution.objects.create(
        organization=house, tester=tester, persona=persona, training_tests_completed=1, contribution_weight=1,
        earned_micros=15_000,
    )  # fmt: skip
    return share


def _trainer(mark: str, account: str) -> dict[str, Any]:
    file = TrainerFile.objects.create(
        account=account, public_id=f"file-{mark}", purpose="fine-tune", filename=f"{mark}.jsonl", bytes=8,
        content=ContentFile(f"{mark} line".encode(), name="f.jsonl"), created_at=NOW,
    )  # fmt: skip
    job = TrainerJob.objects.create(
        account=account, public_id=f"ftjob-{mark}", base_model="recall-1", training_file=file.public_id, seed=1,
        suffix=f"{mark}-suffix", hyperparameters={}, created_at=NOW, step_queued_at=NOW,
    )  # fmt: skip
    TrainerJobTag.objects.create(job=job, key=f"{mark}-key", value=f"{mark}-value")
    TrainerJobEvent.objects.create(job=job, public_id=f"ftevent-{mark}", created_at=NOW, message=f"{mark} message")
    model = TrainerModel.objects.create(
        account=account, public_id=f"ft:recall-1:{mark}", base_model="recall-1", artifact=f"{mark}.sqlite3",
        examples=1, created_at=NOW,
    )  # fmt: skip
    return {"file": file, "trainer_job": job, "trainer_model": model}
