"""Uploads of conversations, and how far each is (AV15): stage, pages, pairs, in words and numbers."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from apps.contributions.enums import UploadStatus
from apps.contributions.models import TrainingExample, Upload
from apps.contributions.queries.collection import collection_of
from apps.contributions.queries.eligibility import eligibility_of
from apps.organizations.models import Organization, OrganizationQuerySet
from apps.personas.models import FewShotExample, Persona
from apps.personas.queries import PromptLine, active_prompt, compare_prompts

SAMPLE = 5  # pairs that are shown
# What came of something in a file, in words for whoever brought it.
REASONS = {
    "unanswered": "never answered: the conversation ends before",
    "unasked": "said by the persona first, to nobody's question",
    "short_question": "asked in fewer than five words",
    "short_answer": "answered in fewer than five words",
    "small_talk": "only greetings, thanks and goodbyes",
    "not_in_text": "named by the model, and not in the text",
    "notice": "written by the program itself",
    "media": "pictures, voice messages and the like",
    "system": "instructions and the talk between a model and its tools",
    "empty": "empty",
    "before_first_speaker": "above the first name",
}
UNITS = {UploadStatus.EXTRACTING: "pages", UploadStatus.PAIRING: "pairs"}


@dataclass(frozen=True)
class Stage:
    """One of the way's stages as it stands: `done`, `now`, `waits`, `failed` or `ahead`."""

    title: str
    state: str
    words: str


@dataclass(frozen=True)
class SamplePair:
    example_id: int
    question: str
    answer: str


def conversation_uploads(*, organization: Organization) -> OrganizationQuerySet[Upload]:
    """Without the files of rows that staff import: those are no conversations, and have no media type."""
    own = Upload.objects.of_organization(organization).exclude(media_type="")
    return own.select_related("persona").defer("extracted_text")  # which may have millions of characters


def stages_of(upload: Upload) -> list[Stage]:
    order = UploadStatus.stages()[1:-1]
    at = len(order) if upload.status == UploadStatus.DONE else order.index(_stage_of(upload))
    return [
        Stage(str(stage.label), _state(upload, at, place), _words(upload, stage)) for place, stage in enumerate(order)
    ]


def stage_words(upload: Upload) -> str:
    """Where it stands, in one line: ``stage 2 of 4: 40 of 87 pairs``."""
    if upload.status not in UploadStatus.open():
        return _ended_words(upload)
    stages = UploadStatus.stages()[1:-1]
    words = f"stage {stages.index(_stage_of(upload)) + 1} of {len(stages)}"
    if not upload.progress_total:
        return words
    return f"{words}: {upload.progress_done:,} of {upload.progress_total:,} {_unit(upload)}"


def percent_of(upload: Upload) -> int | None:
    """Of the whole way, each stage as long as the next; None where nothing moves."""
    if upload.status not in UploadStatus.open():
        return 100 if upload.status == UploadStatus.DONE else None
    stages = UploadStatus.stages()[1:-1]
    part = upload.progress_done / upload.progress_total if upload.progress_total else 0
    return int(100 * (stages.index(_stage_of(upload)) + part) / len(stages))


def sample_pairs(upload: Upload) -> list[SamplePair]:
    """The first pairs that came of it, without those that were withdrawn since."""
    examples = TrainingExample.objects.filter(upload=upload, input__isnull=False).order_by("pk")
    return [
        SamplePair(one.pk, str(one.input.get("message", "")), str((one.accepted_label or {}).get("text", "")))
        for one in examples[:SAMPLE]
    ]


def few_shots_of(upload: Upload) -> list[FewShotExample]:
    """What was proposed from it and is still there, switched on or off."""
    proposed = FewShotExample.objects.filter(persona=upload.persona_id, origin=f"upload {upload.pk}")
    return list(proposed.order_by("position", "pk"))


def prompt_changes(upload: Upload) -> list[PromptLine]:
    """The prompt that was written from it, laid over the active one."""
    if upload.prompt_version is None:
        return []
    active = active_prompt(upload.persona)
    return compare_prompts(old=active.system_prompt if active else "", new=upload.prompt_version.system_prompt)


def eligibility_sentence(*, persona: Persona, now: datetime) -> str:
    """Whether the persona has enough to be trained, in words (AV4)."""
    counts = collection_of(personas=[persona], now=now, days=1).personas[persona.pk]
    return eligibility_of(persona=persona, counts=counts).sentence


def counted_reasons(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The reasons in words, the most frequent first."""
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(REASONS.get(why, why.replace("_", " ")), count) for why, count in islice(most, 50)]


def _stage_of(upload: Upload) -> UploadStatus:
    """Where it is; for one that stopped, where it would go on."""
    if upload.status == UploadStatus.RECEIVED:
        return UploadStatus.EXTRACTING
    if upload.status in UploadStatus.stages():
        return UploadStatus(upload.status)
    return UploadStatus.PAIRING if "speakers" in upload.report else UploadStatus.EXTRACTING


def _state(upload: Upload, at: int, place: int) -> str:
    if place < at:
        return "done"
    if place > at:
        return "ahead"
    return {UploadStatus.FAILED: "failed", UploadStatus.NEEDS_SPEAKER: "waits"}.get(UploadStatus(upload.status), "now")


def _words(upload: Upload, stage: UploadStatus) -> str:
    """What there is to say of a stage that is over, or under way."""
    if upload.status == stage and upload.progress_total:
        return f"{upload.progress_done:,} of {upload.progress_total:,} {_unit(upload)}"
    report, pairs = upload.report, upload.report.get("pairs", {})
    return {
        UploadStatus.EXTRACTING: f"{upload.pages:,} pages" if upload.pages > 1 else "",
        UploadStatus.PAIRING: f"{pairs.get('found', 0):,} pairs" if pairs else "",
        UploadStatus.CHOOSING: f"{report['few_shots']['proposed']} proposed" if "few_shots" in report else "",
        UploadStatus.ANALYSING: f"{upload.analysis['style']['messages']:,} messages" if upload.analysis else "",
    }.get(stage, "")


def _ended_words(upload: Upload) -> str:
    pairs = upload.report.get("pairs", {})
    if upload.status == UploadStatus.DONE and pairs:
        return f"{pairs.get('found', 0):,} pairs, {upload.rows_imported:,} of them new"
    return ""


def _unit(upload: Upload) -> str:
    """A model reads parts of the text; rules have all pairs before the first is stored."""
    stage = UploadStatus(upload.status)
    if stage == UploadStatus.PAIRING and upload.report.get("pieces"):
        return "parts"
    return UNITS.get(stage, "")
