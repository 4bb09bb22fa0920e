"""The trainer's own tables, to look at: files, jobs and models change through the protocol alone.

They belong to accounts, not organizations, so only superusers see them.
"""

from django.contrib import admin

from apps.common.admin import EstimatedCountPaginator, UnfoldModelAdmin, UnfoldTabularInline
from apps.common.superusers import SuperusersLook
from apps.trainer.models import TrainerFile, TrainerJob, TrainerJobEvent, TrainerJobTag, TrainerModel


class EventInline(SuperusersLook, UnfoldTabularInline[TrainerJobEvent, TrainerJob]):
    model = TrainerJobEvent
    fields = ["created_at", "level", "message", "data"]
    extra = 0


class TagInline(SuperusersLook, UnfoldTabularInline[TrainerJobTag, TrainerJob]):
    model = TrainerJobTag
    fields = ["key", "value"]
    extra = 0


@admin.register(TrainerFile)
class TrainerFileAdmin(SuperusersLook, UnfoldModelAdmin[TrainerFile]):
    list_display = ["public_id", "account", "purpose", "filename", "bytes", "created_at", "expires_at"]
    list_filter = ["purpose"]
    search_fields = ["public_id", "account", "filename"]
    exclude = ["content"]  # what is in it is for its account
    paginator = EstimatedCountPaginator
    show_full_result_count = False


@admin.register(TrainerJob)
class TrainerJobAdmin(SuperusersLook, UnfoldModelAdmin[TrainerJob]):
    list_display = ["public_id", "account", "status", "base_model", "examples", "trained_tokens", "created_at", "took"]
    list_filter = ["status", "base_model"]
    search_fields = ["public_id", "account", "fine_tuned_model", "training_file"]
    inlines = [EventInline, TagInline]
    paginator = EstimatedCountPaginator
    show_full_result_count = False

    @admin.display(description="took")
    def took(self, job: TrainerJob) -> str:
        if not job.started_at or not job.finished_at:
            return "–"
        return f"{(job.finished_at - job.started_at).total_seconds():.1f} s"


@admin.register(TrainerModel)
class TrainerModelAdmin(SuperusersLook, UnfoldModelAdmin[TrainerModel]):
    list_display = ["public_id", "account", "base_model", "examples", "created_at", "shutdown_date"]
    list_filter = ["base_model"]
    search_fields = ["public_id", "account"]
    paginator = EstimatedCountPaginator
    show_full_result_count = False
