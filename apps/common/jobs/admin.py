"""The queue's tables in the admin: for superusers to read.

Whoever may add a schedule could make a worker call things, and a task's arguments and results may name what an
organization keeps to itself; so there is nothing to add, change, delete or resubmit here.
"""

import django_q.admin  # noqa: F401  registers its own, which are replaced below
from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin

from apps.common.superusers import SuperusersLook


class QueueAdmin(SuperusersLook, ModelAdmin):  # type: ignore[misc]
    """Nothing to add, change, delete or resubmit."""


class ScheduleAdmin(QueueAdmin):
    list_display = ("name", "func", "minutes", "next_run", "task")
    search_fields = ("name", "func")
    when_empty = "manage.py setup_schedules writes down what the worker does again and again."


class RunAdmin(QueueAdmin):
    list_display = ("func", "args", "started", "stopped", "attempt_count")
    search_fields = ("func", "name")
    when_empty = "What the worker has done, or could not do, is listed here for a while."


class WaitingAdmin(QueueAdmin):
    list_display = ("id", "func", "args", "lock")
    fields = ("id", "func", "args", "task_id", "lock")
    readonly_fields = fields
    when_empty = "The worker has taken up everything there was to do."


def replace_queue_admin() -> None:
    """Take the queue's own admin pages away and register ours."""
    for model, model_admin in (
        (Schedule, ScheduleAdmin),
        (Success, RunAdmin),
        (Failure, RunAdmin),
        (OrmQ, WaitingAdmin),
    ):
        if admin.site.is_registered(model):
            admin.site.unregister(model)
            admin.site.register(model, model_admin)
