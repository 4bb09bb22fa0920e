"""What the guards walk: our models, our source files, our routes."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import models

# The order of design.md: an app may refer to itself and to those before it. The trainer refers to `common` alone.
HOUSE = [
    "common",
    "organizations",
    "providers",
    "personas",
    "contributions",
    "datasets",
    "custom_models",
    "abtests",
    "chat",
    "feedback",
    "payouts",
]


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("apps.")]


def links(model: type[models.Model]) -> "list[models.ForeignKey[models.Model, models.Model]]":
    """Its own foreign keys, one-to-one ones included."""
    return [field for field in model._meta.local_fields if isinstance(field, models.ForeignKey)]


def link_name(link: "models.ForeignKey[models.Model, models.Model]") -> str:
    return f"{link.model._meta.label}.{link.name}"


def target(link: "models.Field[object, object]") -> type[models.Model]:
    related = link.related_model
    assert isinstance(related, type), f"{link} points to {related!r}, which does not exist"
    return related


def source_files() -> list[Path]:
    return sorted(path for path in (settings.BASE_DIR / "apps").rglob("*.py") if "migrations" not in path.parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def module_of(path: Path) -> str:
    parts = path.relative_to(settings.BASE_DIR).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def where(path: Path, node: ast.expr | ast.stmt) -> str:
    return f"{path.relative_to(settings.BASE_DIR)}:{node.lineno}"


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """Calls of a function or method of one of these names in a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in names:
                yield node


def import_everything() -> None:
    """Import every module, so that every subclass is known."""
    for path in source_files():
        import_module(module_of(path))
