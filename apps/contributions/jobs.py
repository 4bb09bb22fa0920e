from django.utils import timezone

from apps.common import jobs
from apps.contributions import services
from apps.contributions.models import DuplicateSearch, Upload, Withdrawal


@jobs.scheduled(name="contributions: decide what has enough labels", minutes=5)
def settle_examples_with_enough_labels() -> None:
    services.settle_examples_with_enough_labels(now=timezone.now())


def search_duplicates_job(search_id: int) -> None:
    search = DuplicateSearch.objects.select_related("persona").get(pk=search_id)
    services.find_near_duplicates(search=search, now=timezone.now())


@jobs.scheduled(name="contributions: look for near-duplicates among new examples", minutes=24 * 60)
def request_due_searches() -> None:
    services.request_due_searches(now=timezone.now())


@jobs.scheduled(name="contributions: go on looking for near-duplicates", minutes=10)
def hand_out_stalled_searches() -> None:
    services.hand_out_stalled_searches(now=timezone.now())


def erase_withdrawal_job(withdrawal_id: int) -> None:
    services.erase_withdrawal(withdrawal=Withdrawal.objects.get(pk=withdrawal_id), now=timezone.now())


@jobs.scheduled(name="contributions: go on erasing what was taken back", minutes=5)
def hand_out_withdrawals() -> None:
    services.hand_out_withdrawals(now=timezone.now())


def read_upload_job(upload_id: int) -> None:
    services.process_upload(upload=Upload.objects.get(pk=upload_id), now=timezone.now())


@jobs.scheduled(name="contributions: go on reading uploads", minutes=5)
def hand_out_uploads() -> None:
    services.hand_out_uploads(now=timezone.now())


def work_on_row_file(upload_id: int) -> None:
    services.work_on_row_file(upload=Upload.objects.get(pk=upload_id), now=timezone.now())


@jobs.scheduled(name="contributions: go on with files of examples", minutes=5)
def hand_out_row_files() -> None:
    services.hand_out_row_files(now=timezone.now())
