"""Walks all models: the order of the house, the chain, tenancy, pairs, indexes."""

import ast

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db import models

from apps.organizations.models import Organization, OrganizationQuerySet
from apps.organizations.scoped_admin import ScopedAdmin
from tests.factories import OrganizationFactory, UserFactory
from tests.guards.project import HOUSE, calls, link_name, links, our_models, source_files, target, where

# --- the order of the house -------------------------------------------------------------------------------------------


def may_refer(model: type[models.Model], other: type[models.Model]) -> bool:
    own, its = model._meta.app_label, other._meta.app_label
    if not other.__module__.startswith("apps."):
        return other.__module__.startswith("django.contrib.")
    if own == "trainer":
        return its in ("trainer", "common")
    return its in HOUSE[: HOUSE.index(own) + 1]


def test_relations_obey_the_order_of_the_apps() -> None:
    wrong = [
        f"{model._meta.label}.{field.name} -> {target(field)._meta.label}"
        for model in our_models()
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many)
        if field.is_relation and not may_refer(model, target(field))
    ]
    assert not wrong, "\n".join(wrong)


# --- the chain --------------------------------------------------------------------------------------------------------

# person -> example -> dataset -> job -> model version -> answer -> revenue -> payout, with what hangs between them
CHAIN = {
    "organizations.Organization",
    "organizations.User",
    "providers.BaseModel",
    "providers.ProviderCredential",
    "personas.Persona",
    "personas.PromptVersion",
    "contributions.Tester",
    "contributions.Upload",
    "contributions.TrainingExample",
    "contributions.Label",
    "contributions.Contribution",
    "datasets.TrainingDataset",
    "datasets.DatasetItem",
    "datasets.ItemCredit",
    "custom_models.FineTuneJob",
    "custom_models.FineTuneEvent",
    "custom_models.CustomModel",
    "custom_models.Activation",
    "abtests.Variant",
    "chat.Conversation",
    "chat.Response",
    "feedback.ModelFeedback",
    "payouts.RevenueEvent",
    "payouts.RevenueDay",
    "payouts.Share",
    "payouts.LedgerAccount",
    "payouts.Transfer",
    "payouts.Payout",
}
NOT_LINEAGE = {"contributions.TrainingExample.leased_to"}  # who has it on their screen for the next minutes


def test_the_chain_from_a_person_to_a_payout_is_protected() -> None:
    assert {model._meta.label for model in our_models()} >= CHAIN
    wrong = [
        link_name(link)
        for model in our_models()
        for link in links(model)
        if model._meta.label in CHAIN
        and target(link)._meta.label in CHAIN
        and link.remote_field.on_delete is not models.PROTECT
        and link_name(link) not in NOT_LINEAGE
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("start", "path", "end"),
    [
        ("contributions.Tester", ["user"], "organizations.User"),
        ("contributions.Label", ["tester"], "contributions.Tester"),
        ("contributions.Label", ["example"], "contributions.TrainingExample"),
        ("datasets.DatasetItem", ["example"], "contributions.TrainingExample"),
        ("datasets.ItemCredit", ["tester"], "contributions.Tester"),
        ("datasets.ItemCredit", ["item", "dataset"], "datasets.TrainingDataset"),
        ("custom_models.CustomModel", ["job", "dataset"], "datasets.TrainingDataset"),
        ("chat.Response", ["custom_model"], "custom_models.CustomModel"),
        ("payouts.RevenueEvent", ["response"], "chat.Response"),
        ("payouts.Share", ["tester"], "contributions.Tester"),
        ("payouts.Share", ["revenue_day", "custom_model"], "custom_models.CustomModel"),
        ("payouts.Transfer", ["share"], "payouts.Share"),
        ("payouts.Transfer", ["payout", "tester"], "contributions.Tester"),
    ],
)
def test_every_step_of_the_chain_is_a_foreign_key(start: str, path: list[str], end: str) -> None:
    model = next(model for model in our_models() if model._meta.label == start)
    for step in path:
        model = target(model._meta.get_field(step))  # type: ignore[arg-type]
    assert model._meta.label == end


# --- tenancy ----------------------------------------------------------------------------------------------------------

INSTALLATION_WIDE = {
    "common.AuditEvent": "the log outlives what it describes; it carries the organization's slug",
    "common.Heartbeat": "the installation's own",
    "organizations.User": "a person may belong to several organizations",
    "organizations.Organization": "the tenant itself",
    "providers.BaseModel": "the catalogue",
    "providers.ModelPrice": "the catalogue",
}
PARENT = {
    "datasets.DatasetItem": "dataset",
    "datasets.ItemCredit": "dataset",
    "custom_models.FineTuneEvent": "job",
    "custom_models.EvaluationArm": "evaluation",
    "custom_models.EvaluationAnswer": "arm__evaluation",
    "abtests.Variant": "abtest",
}


def tenant_models() -> list[type[models.Model]]:
    """The trainer has accounts instead of organizations: it would not know one if it saw it."""
    return [m for m in our_models() if m._meta.label not in INSTALLATION_WIDE and m._meta.app_label != "trainer"]


def owned_models() -> list[type[models.Model]]:
    return [model for model in tenant_models() if model._meta.label not in PARENT]


def organization_path(model: type[models.Model]) -> str:
    parent = PARENT.get(model._meta.label)
    return f"{parent}__organization" if parent else "organization"


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_every_row_of_a_tenant_has_exactly_one_organization(model: type[models.Model]) -> None:
    here = model
    for step in organization_path(model).split("__"):
        field = here._meta.get_field(step)
        assert isinstance(field, models.ForeignKey), f"{here._meta.label} needs an organization, or a line in PARENT"
        assert not field.null, f"{here._meta.label}.{step} may be empty"
        here = target(field)
    assert here is Organization


@pytest.mark.django_db
@pytest.mark.parametrize("model", owned_models(), ids=lambda model: model._meta.label)
def test_every_tenant_model_starts_from_a_scoped_queryset(model: type[models.Model]) -> None:
    rows = model._default_manager.all()
    assert isinstance(rows, OrganizationQuerySet)
    organization, user = OrganizationFactory.build(pk=7), UserFactory()
    assert '"organization_id" = 7' in str(rows.of_organization(organization).query)
    assert '"organization_id" IN (SELECT' in str(rows.visible_to(user).query)
    assert rows.visible_to(AnonymousUser()).query.is_empty()


def test_every_admin_of_a_tenant_model_is_scoped() -> None:
    wrong = []
    for model in tenant_models():
        if admin.site.is_registered(model):
            one = admin.site.get_model_admin(model)
            if not isinstance(one, ScopedAdmin) or one.organization_path != organization_path(model):
                wrong.append(model._meta.label)
    assert not wrong, "\n".join(wrong)


# --- what staff can see -----------------------------------------------------------------------------------------------

NOT_REGISTERED = {
    "common.Heartbeat": "one row of the installation's own: `/readyz` and `/metrics` tell its age",
    "organizations.Membership": "inline on its organization",
    "custom_models.FineTuneEvent": "a list on the page of its job",
    "custom_models.EvaluationArm": "a column of its evaluation",
    "abtests.Variant": "inline on its test",
    "feedback.ApprovalTally": "what a version's approval rate is counted from; `check_invariants` compares it",
    "trainer.TrainerJobTag": "inline on its job",
    "trainer.TrainerJobEvent": "inline on its job",
}


def test_every_model_is_in_the_admin_or_excused_by_name() -> None:
    hidden = {model._meta.label for model in our_models() if not admin.site.is_registered(model)}
    assert sorted(hidden) == sorted(NOT_REGISTERED)


# --- pairs ------------------------------------------------------------------------------------------------------------


NOT_A_PAIR = {"custom_models.FineTuneJob.started_at"}  # when the provider began; started_by is who asked for it


def fields_of(condition: object) -> set[str]:
    """The names of the fields that a Q speaks of."""
    if isinstance(condition, models.Q):
        return set().union(*(fields_of(child) for child in condition.children))
    return {str(condition[0]).partition("__")[0]} if isinstance(condition, tuple) else set()


def is_always_there(field: "models.Field[object, object]") -> bool:
    return not field.null and (not field.blank or bool(getattr(field, "auto_now_add", False)))


def test_pairs_of_when_and_by_whom_travel_together() -> None:
    wrong = []
    for model in our_models():
        fields = {field.name: field for field in model._meta.local_fields}
        checks = [fields_of(c.condition) for c in model._meta.constraints if isinstance(c, models.CheckConstraint)]
        for name in fields:
            pair = {name, f"{name.removesuffix('_at')}_by"}
            if not name.endswith("_at") or not pair <= fields.keys() or f"{model._meta.label}.{name}" in NOT_A_PAIR:
                continue
            required = all(is_always_there(fields[one]) for one in pair)
            if not required and not any(pair <= check for check in checks):
                wrong.append(f"{model._meta.label}: {' and '.join(sorted(pair))}")
    assert not wrong, "\n".join(wrong)


# --- indexes and constraints ------------------------------------------------------------------------------------------


def test_every_index_has_a_name_and_a_comment_that_says_which_query_needs_it() -> None:
    wrong = []
    for path in source_files():
        if "models" not in str(path):
            continue
        lines = path.read_text().splitlines()
        for call in calls(path, "Index", "GinIndex", "UniqueConstraint", "CheckConstraint"):
            is_index = isinstance(call.func, ast.Attribute) and call.func.attr.endswith("Index")
            if not any(keyword.arg == "name" for keyword in call.keywords):
                wrong.append(f"{where(path, call)} has no name")
            if is_index and not lines[call.lineno - 2].strip().startswith("#"):
                wrong.append(f"{where(path, call)} has no comment above it")
    assert not wrong, "\n".join(wrong)


def test_no_index_is_hidden_in_a_field() -> None:
    wrong = [
        f"{model._meta.label}.{field.name}"
        for model in our_models()
        for field in model._meta.local_fields
        if field.db_index and not isinstance(field, models.ForeignKey | models.SlugField)
    ]
    assert not wrong, "\n".join(wrong)
