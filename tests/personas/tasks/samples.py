"""One sample of each task, for the tests that walk all tasks: add one here with each new task."""

from dataclasses import dataclass, field
from typing import Any

from tests.factories import CODEBOOK


@dataclass(frozen=True)
class Sample:
    """`form` is what a browser sends when a tester of this example saves `label`: field names and their values."""

    input: dict[str, Any]
    output: dict[str, Any]
    label: dict[str, Any]
    form: dict[str, list[str]]
    settings: dict[str, Any] = field(default_factory=dict)


def _page(title: str, *sections: dict[str, Any]) -> dict[str, Any]:
    return {"version": "1.0", "metadata": {"title": title}, "sections": list(sections)}


SAMPLES = {
    "survey_coding": Sample(
        settings={"codes": CODEBOOK},
        input={"text": "My card was stolen on Monday."},
        output={"code": "lost_card", "confidence": "high"},
        label={"code": "lost_card"},
        form={"code": ["lost_card"]},
    ),
    "ux_test": Sample(
        settings={"focus": ["forms"]},
        input={
            "url": "https://kettles.example.com/cart",
            "mission": "Use the coupon SPRING for the kettle in the cart.",
            "persona": "age: 71\ndevice: phone",
        },
        output={
            "issues_found": [
                {"title": "The coupon field is hidden", "severity": "high", "where": "cart"},
                {"title": "The logo is too large", "severity": "low", "where": ""},
            ],
            "sentiment": -0.4,
            "recommendations": ["Show the coupon field below the total"],
        },
        label={
            "confirmed_issues": ["high: The coupon field is hidden | cart"],
            "missed_issues": [{"title": "The total is shown without tax", "severity": "medium", "where": ""}],
            "false_positives": ["low: The logo is too large"],
            "rating": 4,
            "sentiment": -0.4,
            "recommendations": ["Show the coupon field below the total"],
        },
        form={
            "found": ["high: The coupon field is hidden | cart", "low: The logo is too large"],
            "confirmed_issues": ["high: The coupon field is hidden | cart"],
            "missed_issues": ["medium: The total is shown without tax\r\n"],
            "rating": ["4"],
            "sentiment": ["-0.4"],
            "recommendations": ["Show the coupon field below the total"],
        },
    ),
    "conversation": Sample(
        settings={"language": "English", "formality": "informal"},
        input={
            "history": [
                {"role": "user", "content": "Hi Nora, are you open today?"},
                {"role": "assistant", "content": "Until six! The rye is still warm."},
            ],
            "message": "Keep one for me, I am there at five.",
        },
        output={"text": "Of course. I will put a rye aside."},
        label={"text": "Done, it has your name on it.\nDo not be late, it is the last one."},
        form={"text": ["Done, it has your name on it.\r\nDo not be late, it is the last one."]},
    ),
    "page_builder": Sample(
        settings={"section_types": ["hero", "faq", "contact"]},
        input={
            "prompt": "A page for a bakery that says when it is open.",
            "context": "Industry: bakery. Location: Kiel.",
            "current_page": None,
        },
        output=_page("Bread and more", {"type": "hero", "title": "Bread from six"}),
        label=_page("Bread and more", {"type": "hero", "title": "Bread from six"}, {"type": "contact", "phone": "1"}),
        form={
            "answer": [
                '{"version": "1.0", "metadata": {"title": "Bread and more"},\r\n "sections": '
                '[{"type": "hero", "title": "Bread from six"}, {"type": "contact", "phone": "1"}]}'
            ]
        },
    ),
    "roast": Sample(
        settings={"style": "dry", "intensity": 2, "max_characters": 280, "avoid": ["football"]},
        input={"text": "I could have made this video in five minutes.", "platform": "YouTube"},
        output={"text": "Five minutes? Then four of them went into the comment."},
        label={"text": "Five minutes, and you spent all of them on this comment."},
        form={"text": ["Five minutes, and you spent all of them on this comment."]},
    ),
}
