from dataclasses import dataclass


@dataclass(frozen=True)
class ImportRow:
    """One example as a file has it. What text and category mean is the task's to say."""

    line: int  # where it begins in the file, from 1, so that a person can find it
    text: str
    category: str = ""
    fault: str = ""  # why this row cannot be read, though the rest of the file can
