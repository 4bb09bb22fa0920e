from django.utils import timezone

from apps.abtests import services
from apps.common import jobs
from apps.common.audit import SYSTEM


@jobs.scheduled(name="abtests: end those whose days are over", minutes=15)
def complete_due_abtests() -> None:
    services.complete_due_abtests(by=SYSTEM, now=timezone.now())
