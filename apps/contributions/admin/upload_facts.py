"""What there is to be said of an upload, and in which order."""

from typing import Any

from django.template.defaultfilters import filesizeformat

from apps.contributions import queries
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Upload
from apps.contributions.queries.anonymising import replaced_words


def sections_of(upload: Upload, *, may_write: bool) -> list[tuple[str | None, dict[str, Any]]]:
    is_conversation = bool(upload.media_type)  # not a file of rows
    waits = may_write and wants_speaker(upload)
    asked = ["ask_speaker", "speakers"] if waits else []
    stages = ["stages"] if is_conversation and upload.status != UploadStatus.WITHDRAWN else []
    enough = [] if waits else ["speaker", "enough"] if is_conversation else ["rows_imported"]
    sections = [
        (None, ["standing", *stages, *asked, "persona", *enough]),
        ("Pairs", ["pairs", "sample"] if upload.report.get("pairs") else []),
        ("How the speaker speaks", ["analysed"] if upload.analysis else []),
        ("The new prompt", ["prompt_version", "prompt_changes"] if upload.prompt_version_id else []),
        ("Few-shot examples", ["few_shots"] if "few_shots" in upload.report else []),
        ("Who speaks", ["speakers"] if upload.report.get("speakers") and not asked else []),
        ("The file", ["file_facts", "uploaded_by", "created_at", "finished_at"]),
    ]
    return [(title, {"fields": fields}) for title, fields in sections if fields]


def wants_speaker(upload: Upload) -> bool:
    return upload.status == UploadStatus.NEEDS_SPEAKER or upload.error_code == "no_pairs"


def pair_facts(upload: Upload) -> list[tuple[str, str]]:
    report = upload.report
    pairs = report.get("pairs", {})
    if not pairs:
        return []
    names = {"found": "Found", "new": "New examples", "duplicates": "Known already", "unusable": "Too long to be used"}
    return [
        *((title, f"{pairs[name]:,}") for name, title in names.items() if name in pairs),
        ("Read by", _read_by(report.get("read_by", {}))),
        *((f"Dropped: {why}", f"{count:,}") for why, count in queries.counted_reasons(report.get("dropped", {}))),
        ("Anonymised", replaced_words(report.get("redactions", {}))),
        *(("Note", note) for note in report.get("notes", [])),
    ]


def _read_by(portions: dict[str, int]) -> str:
    if "model" not in portions:
        return "rules"
    return f"the persona’s model ({portions['model']:,} parts), rules ({portions.get('rules', 0):,} parts)"


def file_facts(upload: Upload) -> list[tuple[str, str]]:
    report = upload.report
    return [
        ("Name", upload.original_name),
        ("Size", filesizeformat(upload.size_bytes)),
        ("Kind", upload.media_type or "-"),
        ("Pages", f"{upload.pages:,}" if upload.pages else "not read yet"),
        ("Vision", "allowed: pictures leave as they are" if upload.allows_vision else "not allowed"),
        *([("Pictures read by", report["recogniser"])] if report.get("recogniser") else []),
        *(("Warning", warning) for warning in report.get("warnings", [])),
        *((f"Left out: {why}", f"{count:,}") for why, count in queries.counted_reasons(report.get("left_out", {}))),
    ]


def numbers_of(style: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Words in a message", f"{style['median_words']:g} (median)"),
        ("Different words", f"{style['vocabulary']:,}"),
        ("With an emoji", f"{style['emoji_share']:.0%} of messages"),
        ("With a question", f"{style['question_share']:.0%}"),
        ("With an exclamation mark", f"{style['exclamation_share']:.0%}"),
        ("Begun without a capital", f"{style['lower_case_share']:.0%}"),
    ]
