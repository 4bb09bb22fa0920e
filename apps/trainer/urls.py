"""The protocol under /trainer/v1/. Model names contain colons, which arrive unescaped."""

from django.urls import path

from apps.trainer.api.http import endpoint, unknown_url
from apps.trainer.views import chat, files, jobs, models

JOB = "fine_tuning/jobs/<str:job_id>"
PERMISSIONS = "fine_tuning/checkpoints/<str:checkpoint>/permissions"

urlpatterns = [
    path("files", files.collection, name="trainer-files"),
    path("files/<str:file_id>", files.item, name="trainer-file"),
    path("files/<str:file_id>/content", files.content, name="trainer-file-content"),
    path("fine_tuning/jobs", jobs.collection, name="trainer-jobs"),
    path(JOB, jobs.item, name="trainer-job"),
    path(f"{JOB}/cancel", jobs.cancel, name="trainer-job-cancel"),
    path(f"{JOB}/pause", jobs.pause, name="trainer-job-pause"),
    path(f"{JOB}/resume", jobs.resume, name="trainer-job-resume"),
    path(f"{JOB}/events", jobs.events, name="trainer-job-events"),
    path(f"{JOB}/checkpoints", jobs.checkpoints, name="trainer-job-checkpoints"),
    path(PERMISSIONS, jobs.permissions, name="trainer-permissions"),
    path(f"{PERMISSIONS}/<str:permission_id>", jobs.permission, name="trainer-permission"),
    path("models", models.collection, name="trainer-models"),
    path("models/<str:name>", models.item, name="trainer-model"),
    path("chat/completions", chat.completions, name="trainer-chat"),
    path("<path:rest>", endpoint(any=unknown_url), name="trainer-unknown"),
    path("", endpoint(any=unknown_url)),
]
