"""Text from uploaded documents: what a file is, and what stands in it."""

from apps.contributions.formats.documents.base import Extracted
from apps.contributions.formats.documents.extracting import extract, show_pages
from apps.contributions.formats.documents.kinds import FileKind, require_readable, sniff
from apps.contributions.formats.documents.limits import Limits

__all__ = ["Extracted", "FileKind", "Limits", "extract", "require_readable", "show_pages", "sniff"]
