"""The shapes of files that examples come in."""

from apps.contributions.formats.base import ImportRow
from apps.contributions.formats.csv_rows import escape_formula, read_csv, write_csv

__all__ = ["ImportRow", "escape_formula", "read_csv", "write_csv"]
