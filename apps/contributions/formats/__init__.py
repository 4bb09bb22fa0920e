"""The shapes of files that examples come in."""

from apps.contributions.formats.rows import (
    ROW_FORMATS,
    ImportRow,
    RowFormat,
    escape_formula,
    read_csv,
    recognise,
    write_csv,
)

__all__ = ["ROW_FORMATS", "ImportRow", "RowFormat", "escape_formula", "read_csv", "recognise", "write_csv"]
