import re
from pathlib import PurePosixPath

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.common.errors import InvalidInput, NotFound
from apps.trainer import queries
from apps.trainer.api.http import answer_json, endpoint, is_short_number, read_limit
from apps.trainer.api.objects import file_object
from apps.trainer.models import Account
from apps.trainer.services import files

MULTIPART_OVERHEAD = 64 * 1024
KEEP_SECONDS = range(3_600, 2_592_001)  # how long a file may be asked to be kept


def _list(request: HttpRequest, account: Account) -> HttpResponseBase:
    page = queries.page_files(
        account=account.name,
        purpose=request.GET.get("purpose", ""),
        after=request.GET.get("after", ""),
        limit=read_limit(request, default=10_000, maximum=10_000),
        ascending=request.GET.get("order") == "asc",
    )
    data = [file_object(file) for file in page.rows]
    ends = {"first_id": data[0]["id"] if data else "", "last_id": data[-1]["id"] if data else ""}
    return answer_json({"object": "list", "data": data, **ends, "has_more": page.has_more})


def _upload(request: HttpRequest, account: Account) -> HttpResponseBase:
    # Before the body is read: a file that is too large should not fill the disk first.
    announced = request.META.get("CONTENT_LENGTH") or ""
    files.check_size((int(announced) if is_short_number(announced) else 0) - MULTIPART_OVERHEAD)
    content = request.FILES.get("file")
    if content is None:
        raise InvalidInput("'file' is a required property.", resolution="Send it as multipart/form-data.", param="file")
    file = files.upload_file(
        content=content,
        filename=_clean_filename(content.name or ""),
        purpose=request.POST.get("purpose", ""),
        keep_seconds=_keep_seconds(request),
        by=account,
        now=timezone.now(),
    )
    return answer_json(file_object(file))


def _retrieve(_request: HttpRequest, account: Account, file_id: str) -> HttpResponseBase:
    return answer_json(file_object(queries.find_file(account=account.name, file_id=file_id)))


def _delete(_request: HttpRequest, account: Account, file_id: str) -> HttpResponseBase:
    files.delete_file(file=queries.find_file(account=account.name, file_id=file_id), by=account)
    return answer_json({"id": file_id, "object": "file", "deleted": True})


def _content(_request: HttpRequest, account: Account, file_id: str) -> HttpResponseBase:
    file = queries.find_file(account=account.name, file_id=file_id)
    try:
        content = file.content.open("rb")
    except FileNotFoundError:
        raise NotFound(f"The content of {file_id} is missing on this server.", param="id") from None
    return FileResponse(content, as_attachment=True, filename=file.filename, content_type="application/octet-stream")


def _clean_filename(name: str) -> str:
    """The last part of what the client calls its file, without control characters; only ever shown."""
    return re.sub(r"[\x00-\x1f\x7f]", "", PurePosixPath(name).name)[:255]


def _keep_seconds(request: HttpRequest) -> int | None:
    anchor, seconds = request.POST.get("expires_after[anchor]"), request.POST.get("expires_after[seconds]", "")
    if anchor is None and not seconds:
        return None
    if anchor != "created_at":
        raise InvalidInput("Expected 'created_at'.", param="expires_after.anchor")
    if not is_short_number(seconds) or int(seconds) not in KEEP_SECONDS:
        raise InvalidInput("Expected 3600 to 2592000 seconds.", param="expires_after.seconds")
    return int(seconds)


collection = endpoint(get=_list, post=_upload)
item = endpoint(get=_retrieve, delete=_delete)
content = endpoint(get=_content)
