"""Walks the source: jobs, the queue's one door, serializers, the length of what we write."""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.module_loading import autodiscover_modules
from rest_framework import serializers

from apps.common.jobs import NotAJob, find_job, path_of, scheduled_jobs
from tests.guards.project import calls, import_everything, module_of, source_files, tree_of, where

# --- jobs -------------------------------------------------------------------------------------------------------------


def job_path(path: Path, argument: ast.expr) -> str | None:
    """The path of what an `enqueue` is given: a text, or a name that its module gives to a text or a function.

    None for what is only known when it runs, such as a parameter: `enqueue` itself refuses what is no job.
    """
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if not isinstance(argument, ast.Name | ast.Attribute):
        return None
    found: Any = import_module(module_of(path))
    for name in ast.unparse(argument).split("."):
        found = getattr(found, name, None)
    return path_of(found) if callable(found) else found


def is_job(path: str) -> bool:
    try:
        find_job(path)
    except NotAJob:
        return False
    return True


def test_everything_enqueued_is_a_job() -> None:
    enqueued = [
        (where(path, call), job_path(path, call.args[0]))
        for path in source_files()
        if not module_of(path).startswith("apps.common.jobs")
        for call in calls(path, "enqueue")
    ]
    wrong = [f"{place}: {job}" for place, job in enqueued if job and not is_job(job)]
    assert not wrong, "\n".join(wrong)


def test_every_path_of_a_job_that_is_written_down_leads_to_one() -> None:
    wrong = [
        f"{where(path, node)}: {node.value}"
        for path in source_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"apps\.\w+\.jobs\.\w+", node.value)
        and not is_job(node.value)
    ]
    assert not wrong, "\n".join(wrong)


def test_everything_scheduled_is_a_job() -> None:
    autodiscover_modules("jobs")
    assert "heartbeat" in scheduled_jobs()
    for job in scheduled_jobs().values():
        find_job(job.path)
        assert job.minutes >= 1


def test_jobs_are_module_level_functions_of_a_jobs_module() -> None:
    """A job made inside another function, or in a file of another name, could not be found by its path."""
    wrong = [
        where(path, call)
        for path in source_files()
        for call in calls(path, "scheduled")
        if not module_of(path).endswith(".jobs")
    ]
    assert not wrong, "\n".join(wrong)


# --- services and queries ---------------------------------------------------------------------------------------------


def layer_files(*layers: str) -> list[Path]:
    """The files of these layers: `services.py`, and everything in `services/`."""
    return [path for path in source_files() if {path.stem, path.parent.name} & set(layers)]


def test_services_and_queries_are_told_the_time() -> None:
    wrong = [
        where(path, call)
        for path in layer_files("services", "queries")
        for call in calls(path, "now", "today", "localdate")
        if not ast.unparse(call.func).endswith("clock.now")  # a `RunningClock` was told when it began
    ]
    assert not wrong, "\n".join(wrong)


WRITES = {"save", "create", "bulk_create", "update", "get_or_create", "update_or_create"}


def test_what_writes_takes_its_arguments_by_name() -> None:
    writing = [
        (path, function)
        for path in layer_files("services")
        for function in tree_of(path).body
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_")
        if any(isinstance(node, ast.Attribute) and node.attr in WRITES for node in ast.walk(function))
    ]
    assert len(writing) > 30
    wrong = [f"{where(path, function)} {function.name}" for path, function in writing if function.args.args]
    assert not wrong, "\n".join(wrong)


# --- the queue's one door ---------------------------------------------------------------------------------------------


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_only_the_door_knows_the_queue() -> None:
    knowing = {
        module_of(path)
        for path in source_files()
        if any(name.split(".")[0] == "django_q" for name in imported_modules(path))
    }
    assert {".".join(name.split(".")[:3]) for name in knowing} == {"apps.common.jobs"}


# --- serializers ------------------------------------------------------------------------------------------------------

NEVER_WRITABLE = {"organization", "organization_id", "owner", "role", "scope", "scopes", "is_staff", "is_superuser"}


def our_serializers(base: type = serializers.BaseSerializer) -> set[type]:
    found = set()
    for one in base.__subclasses__():
        found |= our_serializers(one)
        if one.__module__.startswith("apps."):
            found.add(one)
    return found


def test_serializers_name_their_fields() -> None:
    import_everything()
    wrong = []
    for one in our_serializers():
        meta = getattr(one, "Meta", None)
        if issubclass(one, serializers.ModelSerializer) and (
            not isinstance(getattr(meta, "fields", None), list | tuple) or getattr(meta, "exclude", None)
        ):
            wrong.append(f"{one.__module__}.{one.__qualname__}")
    assert not wrong, "\n".join(wrong)


def is_speaker(name: str, fields: Any) -> bool:
    """The role of a chat message is who says its content."""
    return name == "role" and "content" in fields


def test_nobody_writes_whose_a_thing_is_or_what_they_may_do() -> None:
    import_everything()
    wrong = [
        f"{one.__module__}.{one.__qualname__}.{name}"
        for one in our_serializers()
        if issubclass(one, serializers.Serializer)
        for name, field in one().fields.items()
        if name in NEVER_WRITABLE and not field.read_only and not is_speaker(name, one().fields)
    ]
    assert not wrong, "\n".join(wrong)


# --- what reads in one breath -----------------------------------------------------------------------------------------

LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]


def length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_functions_are_short() -> None:
    lengths = sorted(length(one) for path in source_files() for one in functions(path))
    assert lengths[len(lengths) // 2] < 10
    wrong = [
        f"{where(path, one)} {one.name} has {length(one)} lines"
        for path in source_files()
        for one in functions(path)
        if length(one) > LONGEST_FUNCTION
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short() -> None:
    wrong = [
        f"{path.relative_to(settings.BASE_DIR)} has {count} lines"
        for path in source_files()
        if (count := path.read_text().count("\n")) > LONGEST_FILE
    ]
    assert not wrong, "\n".join(wrong)
