"""Pages without text, shown to the provider's vision model: only where the organization and the uploader allowed it."""

import base64
from collections.abc import Sequence
from typing import BinaryIO

from apps.common.batches import in_batches
from apps.common.errors import FlywheelError
from apps.contributions.formats.documents import Extracted, FileKind, show_pages
from apps.contributions.formats.documents.base import clean
from apps.contributions.models import Upload
from apps.contributions.services.uploads.asking import Model, is_for_good
from apps.contributions.services.uploads.turns import Turn, TurnOver

AT_ONCE = 5  # pages rendered at a time
MAX_PAGE_CHARACTERS = 50_000


def look_at_pages(turn: Turn, model: Model | None, file: BinaryIO, extracted: Extracted) -> tuple[str, list[str]]:
    """The document's text with that of the pages the model read, and sentences about what it could not.

    What was read is written down page by page: an interruption costs no page a second time.
    """
    upload = turn.upload
    wanted = _pages_to_look_at(upload, extracted)
    if not wanted:
        return extracted.text, []
    if model is None:
        return extracted.text, ["No vision model is at hand: the persona's provider is the embedded trainer."]
    seen: dict[str, str] = dict(upload.report.get("seen", {}))
    try:
        _look(turn, model, file, [page for page in wanted if str(page) not in seen], seen)
    except FlywheelError as error:
        if not is_for_good(error) and not turn.is_last_start:
            raise
        notes = [f"The vision model was asked, and did not read the pages that are left: {error}"]
        return _joined(upload, extracted, seen), notes
    return _joined(upload, extracted, seen), [f"The provider's vision model read {len(seen):,} pages as they are."]


def _pages_to_look_at(upload: Upload, extracted: Extracted) -> list[int]:
    if not (upload.allows_vision and upload.organization.allows_vision):
        return []
    return [1] if _is_picture(upload) else list(extracted.pages_without_text)


def _is_picture(upload: Upload) -> bool:
    return upload.media_type in {kind.media_type for kind in FileKind.pictures()}


def _look(turn: Turn, model: Model, file: BinaryIO, pages: Sequence[int], seen: dict[str, str]) -> None:
    for batch in in_batches(pages, AT_ONCE):
        for page, picture in zip(batch, show_pages(file, pages=batch), strict=False):
            url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
            seen[str(page)] = clean(model.read_picture(url))[:MAX_PAGE_CHARACTERS].strip()
            turn.keep(report={**turn.upload.report, "seen": seen})
            if turn.must_stop():
                raise TurnOver


def _joined(upload: Upload, extracted: Extracted, seen: dict[str, str]) -> str:
    """A picture's text is what the model read, if it read any; a document's pages follow what it held as text."""
    texts = [seen[page] for page in sorted(seen, key=int) if seen[page]]
    if _is_picture(upload):
        return texts[0] if texts else extracted.text
    return "\n".join(filter(None, [extracted.text, *texts]))
