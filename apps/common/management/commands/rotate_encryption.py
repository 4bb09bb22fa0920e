from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.common.rotation import Rotation, encrypted_models, file_fields, rotate_files, rotate_model


class Command(BaseCommand):
    help = (
        "Encrypt every stored value under the first key of FIELD_ENCRYPTION_KEYS: what older keys encrypted, and what "
        "was written before there was a key. It can be stopped and run again; afterwards the older keys can go."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.FIELD_ENCRYPTION_KEYS:
            raise CommandError("FIELD_ENCRYPTION_KEYS is empty. Put a new key in front of it, then run this again.")
        unreadable = []
        for model in encrypted_models():
            rotation = rotate_model(model, on_progress=self._show_progress)
            self.stdout.write(f"{model._meta.label}: {rotation.rows} rows, {rotation.rewritten} values rewritten")
            unreadable += [f"{model._meta.label} {value}" for value in rotation.unreadable]
        for model in [model for model in apps.get_models() if file_fields(model)]:
            rotation = rotate_files(model)
            self.stdout.write(f"{model._meta.label}: {rotation.rows} files, {rotation.rewritten} rewritten")
            unreadable += [f"{model._meta.label} {value}" for value in rotation.unreadable]
        if unreadable:
            raise CommandError(
                f"{len(unreadable)} values fit none of the keys; keep looking for theirs:\n" + "\n".join(unreadable)
            )

    def _show_progress(self, rotation: Rotation) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"{rotation.model._meta.label}: {rotation.rows} rows", ending="\r")
