from django.utils import timezone

from apps.common import jobs
from apps.contributions import services


@jobs.scheduled(name="contributions: decide what has enough labels", minutes=5)
def settle_examples_with_enough_labels() -> None:
    services.settle_examples_with_enough_labels(now=timezone.now())
