from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from apps.common.embedded import mint_trainer_key


class Command(BaseCommand):
    help = "Print the key with which outside clients reach /trainer/v1/ as ACCOUNT (an organization's slug)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account")

    def handle(self, *_args: Any, account: str, **_options: Any) -> None:
        if not account or account != slugify(account):
            hint = f" Did you mean {slugify(account)!r}?" if slugify(account) else ""
            raise CommandError(f"{account!r} is not the slug of an account.{hint}")
        self.stdout.write(mint_trainer_key(account=account))
