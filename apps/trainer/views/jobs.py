import re

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.common.errors import InvalidInput, NotFound
from apps.trainer import queries
from apps.trainer.api.bodies import read_new_job
from apps.trainer.api.http import answer_json, endpoint, read_json, read_limit
from apps.trainer.api.objects import event_object, job_object
from apps.trainer.models import Account
from apps.trainer.services import jobs

MAX_PAIRS = 16  # of a job's metadata, as in the protocol
METADATA = re.compile(r"metadata\[(.+)\]")


def _create(request: HttpRequest, account: Account) -> HttpResponseBase:
    new = read_new_job(read_json(request))
    return answer_json(job_object(jobs.create_job(new=new, by=account, now=timezone.now())))


def _list(request: HttpRequest, account: Account) -> HttpResponseBase:
    page = queries.page_jobs(
        account=account.name,
        metadata=_metadata_filter(request.GET),
        after=request.GET.get("after", ""),
        limit=read_limit(request, default=20, maximum=100),
    )
    data = [job_object(job) for job in page.rows]
    return answer_json({"object": "list", "data": data, "has_more": page.has_more})


def _retrieve(_request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    return answer_json(job_object(queries.find_job(account=account.name, job_id=job_id)))


def _cancel(_request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    job = queries.find_job(account=account.name, job_id=job_id)
    jobs.cancel_job(job=job, by=account, now=timezone.now())
    return answer_json(job_object(job))


def _pause(_request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    job = queries.find_job(account=account.name, job_id=job_id)
    jobs.pause_job(job=job, by=account, now=timezone.now())
    return answer_json(job_object(job))


def _resume(_request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    job = queries.find_job(account=account.name, job_id=job_id)
    jobs.resume_job(job=job, by=account, now=timezone.now())
    return answer_json(job_object(job))


def _events(request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    page = queries.page_events(
        job=queries.find_job(account=account.name, job_id=job_id),
        after=request.GET.get("after", ""),
        limit=read_limit(request, default=20, maximum=100),
    )
    data = [event_object(event) for event in page.rows]
    return answer_json({"object": "list", "data": data, "has_more": page.has_more})


def _checkpoints(_request: HttpRequest, account: Account, job_id: str) -> HttpResponseBase:
    """Always empty: an engine that reads the file once has no model of an earlier epoch to keep."""
    queries.find_job(account=account.name, job_id=job_id)
    return answer_json({"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False})


def _no_permissions(_request: HttpRequest, _account: Account, checkpoint: str, **_: str) -> HttpResponseBase:
    raise NotFound(
        f"There is no checkpoint {checkpoint!r}: the engines of this server keep none.",
        resolution="Models are private to their account; train one in each account that needs it.",
        param="fine_tuned_model_checkpoint",
    )


def _metadata_filter(parameters: QueryDict) -> dict[str, str] | None:
    """``metadata[key]=value`` pairs; None for ``metadata=null``, which asks for jobs without metadata.

    InvalidInput for more pairs than a job has.
    """
    if parameters.get("metadata") == "null":
        return None
    matches = ((METADATA.fullmatch(name), value) for name, value in parameters.items())
    metadata = {match[1]: str(value) for match, value in matches if match}
    if len(metadata) > MAX_PAIRS:
        raise InvalidInput(
            f"These are {len(metadata)} pairs of metadata.",
            resolution=f"A job has at most {MAX_PAIRS}; ask for as many or fewer.",
            param="metadata",
        )
    return metadata


collection = endpoint(get=_list, post=_create)
item = endpoint(get=_retrieve)
cancel = endpoint(post=_cancel)
pause = endpoint(post=_pause)
resume = endpoint(post=_resume)
events = endpoint(get=_events)
checkpoints = endpoint(get=_checkpoints)
permissions = endpoint(get=_no_permissions, post=_no_permissions)
permission = endpoint(delete=_no_permissions)
