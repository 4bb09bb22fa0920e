"""What can be asked about datasets. Nothing here writes."""

from apps.datasets.queries.files import (
    Download,
    FileEstimate,
    estimate_file,
    file_chunks,
    file_name,
    find_changed_files,
    frozen_sha256,
    open_file,
)
from apps.datasets.queries.leaving import Leaving, what_leaves
from apps.datasets.queries.lineage import find_lineage_drift
from apps.datasets.queries.previews import Preview, preview
from apps.datasets.queries.rendering import WordsOf, anonymised_words
from apps.datasets.queries.statistics import DatasetStatistics, statistics_of

__all__ = [
    "DatasetStatistics",
    "Download",
    "FileEstimate",
    "Leaving",
    "Preview",
    "WordsOf",
    "anonymised_words",
    "estimate_file",
    "file_chunks",
    "file_name",
    "find_changed_files",
    "find_lineage_drift",
    "frozen_sha256",
    "open_file",
    "preview",
    "statistics_of",
    "what_leaves",
]
