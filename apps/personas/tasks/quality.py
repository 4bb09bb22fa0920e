"""How good an example is, on the two scales of the documents: points 0-10 (PB3) and a score 0-1 (RT1)."""

from dataclasses import dataclass, field
from decimal import Decimal

MAX_POINTS = 10  # of PB3's scale; its terms add up to 9, and 10 is never reached
MINOR_EDIT = 0.2  # an answer of which at most a fifth was changed was edited in minor ways (PB13 aims below 20 %)
THOUSANDTH = Decimal("0.001")


@dataclass(frozen=True)
class Signals:
    """What is known about an example and the answer in it. What is not known is None, or 0 of them."""

    agreeing: int = 0  # labels that equal the accepted one
    labels: int = 0  # labels given by testers
    decided_by_staff: bool = False
    answer_is_valid: bool | None = None  # the task could read the model's answer
    answer_is_accepted: bool = False  # the accepted label is what the model had answered
    approvals: int = 0  # people who approved of the answer
    rejections: int = 0  # people who rejected it or asked for another one
    outcome: str = ""  # accepted, accepted_with_edits, rejected (PB2)
    edit_share: float | None = None  # the part of the answer that was changed before it was used, 0-1
    conversation_continued: bool = False


@dataclass(frozen=True)
class Quality:
    """Equal where points and score are; the reasons are for people to read."""

    points: int  # 0-10
    score: Decimal  # 0-1, three decimals
    reasons: tuple[str, ...] = field(default=(), compare=False)  # for the points, as "thumbs up +3"
    score_reason: str = field(default="", compare=False)


def terms_of(signals: Signals) -> dict[str, int]:
    """PB3's terms that hold, with the points that each gives."""
    edits_are_minor = (signals.edit_share or 0) <= MINOR_EDIT
    terms = {
        "valid JSON": 3 * (signals.answer_is_valid is True),
        "thumbs up": 3 * (signals.approvals > signals.rejections),
        "accepted unedited": 2 * (signals.outcome == "accepted"),
        "accepted with minor edits": int(signals.outcome == "accepted_with_edits" and edits_are_minor),
        "conversation continued": int(signals.conversation_continued),
    }
    return {name: points for name, points in terms.items() if points}


def points_of(signals: Signals) -> int:
    """PB3: valid JSON 3, thumbs up 3, accepted unedited 2 or with minor edits 1, conversation continued 1."""
    return sum(terms_of(signals).values())


def votes_of(signals: Signals) -> tuple[int, int]:
    """How many voted for the accepted label, of how many.

    A label is a vote. Where the accepted label is what the model had answered, whoever approved of or rejected that
    answer has voted too.
    """
    approvals, rejections = (signals.approvals, signals.rejections) if signals.answer_is_accepted else (0, 0)
    return signals.agreeing + approvals, signals.labels + approvals + rejections


def share_of_votes(signals: Signals) -> Decimal | None:
    """The share of votes that agree with the accepted label (RT1); None while nobody has voted.

    Whoever decided by themselves has seen the disagreement: 1.000.
    """
    if signals.decided_by_staff:
        return Decimal("1.000")
    agreeing, votes = votes_of(signals)
    return (Decimal(agreeing) / votes).quantize(THOUSANDTH) if votes else None


def usual_quality(signals: Signals) -> Quality:
    """Votes where there are any, else what the points say."""
    terms = terms_of(signals)
    points = sum(terms.values())
    score = share_of_votes(signals)
    return Quality(
        points,
        (Decimal(points) / MAX_POINTS).quantize(THOUSANDTH) if score is None else score,
        reasons=tuple(f"{name} +{given}" for name, given in terms.items()),
        score_reason=_score_reason(signals),
    )


def _score_reason(signals: Signals) -> str:
    if signals.decided_by_staff:
        return "accepted on one person's word"
    agreeing, votes = votes_of(signals)
    if not votes:
        return f"nobody has voted: the points, of {MAX_POINTS}"
    return f"{agreeing} of {votes} vote{'s' if votes > 1 else ''} for the accepted label"
