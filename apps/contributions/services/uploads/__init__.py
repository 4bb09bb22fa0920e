"""Files that people bring in: from the file to pairs, few-shot examples and a prompt."""

from apps.contributions.services.uploads.files import hand_out_original
from apps.contributions.services.uploads.processing import (
    choose_speaker,
    hand_out_uploads,
    process_upload,
    retry_upload,
)
from apps.contributions.services.uploads.receiving import MAX_UPLOAD_BYTES, Received, receive_upload

__all__ = [
    "MAX_UPLOAD_BYTES",
    "Received",
    "choose_speaker",
    "hand_out_original",
    "hand_out_uploads",
    "process_upload",
    "receive_upload",
    "retry_upload",
]
