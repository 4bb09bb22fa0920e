from decimal import Decimal

import pytest

from apps.personas.tasks.quality import Quality, Signals, points_of, share_of_votes, usual_quality


@pytest.mark.parametrize(
    ("signals", "points"),
    [
        (Signals(), 0),
        (Signals(answer_is_valid=False), 0),
        (Signals(answer_is_valid=True), 3),
        (Signals(approvals=1), 3),
        (Signals(approvals=1, rejections=1), 0),
        (Signals(outcome="accepted"), 2),
        (Signals(outcome="accepted_with_edits", edit_share=0.2), 1),
        (Signals(outcome="accepted_with_edits", edit_share=0.21), 0),
        (Signals(outcome="rejected"), 0),
        (Signals(conversation_continued=True), 1),
        (Signals(answer_is_valid=True, approvals=1, outcome="accepted", conversation_continued=True), 9),
    ],
)
def test_points_are_the_documents_sum(signals: Signals, points: int) -> None:
    """PB3; the terms add up to 9, and 10 is never reached."""
    assert points_of(signals) == points


@pytest.mark.parametrize(
    ("signals", "share"),
    [
        (Signals(), None),
        (Signals(labels=1, agreeing=1), Decimal("1.000")),
        (Signals(labels=3, agreeing=2), Decimal("0.667")),
        (Signals(labels=2, agreeing=1, decided_by_staff=True), Decimal("1.000")),
        (Signals(labels=1, agreeing=1, rejections=1, answer_is_accepted=True), Decimal("0.500")),
        (Signals(labels=1, agreeing=1, rejections=1), Decimal("1.000")),  # it was the answer they rejected, not this
        (Signals(approvals=3, rejections=1, answer_is_accepted=True), Decimal("0.750")),
    ],
)
def test_score_is_the_share_of_votes_that_agree(signals: Signals, share: Decimal | None) -> None:
    assert share_of_votes(signals) == share


def test_without_votes_the_points_decide() -> None:
    assert usual_quality(Signals(answer_is_valid=True, outcome="accepted")) == Quality(5, Decimal("0.500"))
    assert usual_quality(Signals(answer_is_valid=True, labels=1, agreeing=1)) == Quality(3, Decimal("1.000"))
