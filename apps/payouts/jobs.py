import logging

from django.utils import timezone

from apps.common import jobs
from apps.common.audit import SYSTEM
from apps.payouts import services
from apps.payouts.queries import find_drift

logger = logging.getLogger(__name__)


@jobs.scheduled(name="payouts: pull and share the revenue of finished days", minutes=60)
def close_finished_days() -> None:
    """Hourly, so that a day is closed within an hour of its end, whenever the worker was started."""
    services.close_finished_days(by=SYSTEM, now=timezone.now())


@jobs.scheduled(name="payouts: check the books", minutes=24 * 60)
def check_invariants() -> None:
    for problem in find_drift():
        logger.error("The books are off: %s", problem)
