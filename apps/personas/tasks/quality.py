"""How good an example is, on the two scales of the documents: points 0-10 (PB3) and a score 0-1 (RT1)."""

from dataclasses import dataclass
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
    points: int  # 0-10
    score: Decimal  # 0-1, three decimals


def points_of(signals: Signals) -> int:
    """PB3: valid JSON 3, thumbs up 3, accepted unedited 2 or with minor edits 1, conversation continued 1."""
    accepted = {"accepted": 2, "accepted_with_edits": int((signals.edit_share or 0) <= MINOR_EDIT)}
    return (
        3 * (signals.answer_is_valid is True)
        + 3 * (signals.approvals > signals.rejections)
        + accepted.get(signals.outcome, 0)
        + signals.conversation_continued
    )


def share_of_votes(signals: Signals) -> Decimal | None:
    """The share of votes that agree with the accepted label (RT1); None while nobody has voted.

    A label is a vote. Where the accepted label is what the model had answered, whoever approved of or rejected that
    answer has voted too. Staff who decided have seen the disagreement: 1.000.
    """
    if signals.decided_by_staff:
        return Decimal("1.000")
    verdicts = (signals.approvals, signals.rejections) if signals.answer_is_accepted else (0, 0)
    votes = signals.labels + sum(verdicts)
    if not votes:
        return None
    return (Decimal(signals.agreeing + verdicts[0]) / votes).quantize(THOUSANDTH)


def usual_quality(signals: Signals) -> Quality:
    """Votes where there are any, else what the points say."""
    points = points_of(signals)
    score = share_of_votes(signals)
    return Quality(points, (Decimal(points) / MAX_POINTS).quantize(THOUSANDTH) if score is None else score)
