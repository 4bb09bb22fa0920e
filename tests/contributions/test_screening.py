"""Labels that look pasted from the model's answer."""

from typing import Any

import pytest

from apps.contributions.models import Label
from apps.contributions.services import NewLabel, submit_label, submit_labels
from tests.factories import NOW, PersonaFactory, TesterFactory, TrainingExampleFactory

pytestmark = pytest.mark.django_db
ANSWER = "Of course, we will send you a new one tomorrow. " * 10  # 480 characters: 19.2 seconds to read


def _label(said: str, seconds: int | None, *, output: Any = None, task: str = "conversation") -> Label:
    persona = PersonaFactory(task=task, settings={})
    example = TrainingExampleFactory(
        persona=persona, kind="chat_turn", input={"history": [], "message": "Where is it?"}, output=output
    )
    tester = TesterFactory(organization=persona.organization)
    return submit_label(tester=tester, example=example, payload={"text": said}, seconds_spent=seconds, now=NOW)


@pytest.mark.parametrize(
    ("said", "seconds", "similarity", "is_flagged"),
    [
        (ANSWER, 5, 1.0, True),
        (ANSWER.upper(), 5, 1.0, True),  # capitals are no words of one's own
        (ANSWER + "Bye.", 5, 220 / 222, True),
        (ANSWER, 20, 1.0, False),  # read, and found good: that is what the desk is for
        (ANSWER, None, 1.0, False),  # nobody knows how long it took
        (ANSWER[:240], 5, 2 / 3, False),
        ("Tomorrow.", 5, None, False),
    ],
)
def test_equal_and_faster_than_it_can_be_read(
    said: str, seconds: int | None, similarity: float | None, is_flagged: bool
) -> None:
    label = _label(said, seconds, output={"text": ANSWER})
    assert label.is_flagged is is_flagged
    assert similarity is None or label.answer_similarity == pytest.approx(similarity, abs=0.01)


@pytest.mark.parametrize("output", [None, {}, {"text": ""}, {"nonsense": 1}])
def test_where_no_answer_was_shown_there_is_nothing_to_paste(output: Any) -> None:
    label = _label(ANSWER, 1, output=output)
    assert (label.answer_similarity, label.is_flagged) == (None, False)


def test_what_is_chosen_is_never_flagged() -> None:
    persona = PersonaFactory()
    example = TrainingExampleFactory(persona=persona, output={"code": "lost_card", "confidence": "high"})
    tester = TesterFactory(organization=persona.organization)
    label = submit_label(tester=tester, example=example, payload={"code": "lost_card"}, seconds_spent=0, now=NOW)
    assert (label.answer_similarity, label.is_flagged) == (None, False)


def test_many_at_once_are_screened_each_by_its_own_answer() -> None:
    persona = PersonaFactory(task="conversation", settings={}, labels_per_example=2)
    examples = [
        TrainingExampleFactory(
            persona=persona, kind="chat_turn", input={"history": [], "message": "?"}, output={"text": f"{n} {ANSWER}"}
        )
        for n in range(2)
    ]
    tester = TesterFactory(organization=persona.organization)
    said = [f"0 {ANSWER}".strip(), "Something else"]
    labels = [NewLabel(e.pk, {"text": text}, seconds_spent=1) for e, text in zip(examples, said, strict=True)]
    submit_labels(tester=tester, labels=labels, now=NOW)
    assert list(Label.objects.order_by("example_id").values_list("is_flagged", flat=True)) == [True, False]
    again = [NewLabel(examples[0].pk, {"text": "My own words"}, seconds_spent=30)]
    submit_labels(tester=tester, labels=again, now=NOW)
    assert Label.objects.get(example=examples[0]).is_flagged is False  # said again, judged again
