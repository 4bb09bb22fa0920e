from apps.personas.queries import PromptLine, analyse_style, compare_prompts, describe_style
from apps.personas.queries.styles import Style

SAILOR = [
    "ahoy mate! low tide at nine 🌊",
    "ahoy mate! bring the rope 🌊",
    "low tide again, mind the harbour wall",
    "ahoy mate! low tide, harbour wall is slippery 🌊",
]


def test_a_style_is_counted() -> None:
    style = analyse_style(SAILOR)
    assert style == Style(
        messages=4,
        median_words=6.5,
        vocabulary=15,
        favourite_words=("ahoy", "low", "mate", "tide"),
        phrases=("ahoy mate", "low tide"),
        openings=("ahoy mate",),
        emoji=("🌊",),
        emoji_share=0.75,
        question_share=0.0,
        exclamation_share=0.75,
        lower_case_share=1.0,
    )


def test_a_style_is_told_as_instructions() -> None:
    assert describe_style(analyse_style(SAILOR)) == [
        "You keep it short: about 6 words in a message.",
        "You use emoji: 🌊",
        "You are lively: exclamation marks come easily.",
        "You begin messages without a capital letter.",
        "Words you like: ahoy, low, mate, tide.",
        "Phrases of yours: ahoy mate, low tide.",
        "You often begin with: ahoy mate.",
    ]


def test_what_is_no_habit_is_not_mentioned() -> None:
    told = describe_style(analyse_style(["The train to Hamburg leaves at noon, and I would rather not miss it again."]))
    assert told == [
        "You write messages of middling length: about 15 words in a message.",
        "You use no emoji.",
        "You hardly ever use an exclamation mark.",
    ]


def test_a_word_that_everybody_there_uses_is_nobodys_favourite() -> None:
    others = ["low tide again?", "when is low tide", "is it low tide"]
    assert analyse_style(SAILOR, others=others).favourite_words == ("ahoy", "mate")


def test_nobody_who_said_nothing_has_a_style() -> None:
    assert analyse_style([]).messages == 0
    assert analyse_style(["", "  "]) == analyse_style([])


def test_prompts_are_laid_over_each_other() -> None:
    assert compare_prompts(old="You are Mia.\nBe brief.", new="You are Mia.\nBe kind.\nAsk back.") == [
        PromptLine("", "You are Mia."),
        PromptLine("removed", "Be brief."),
        PromptLine("added", "Be kind."),
        PromptLine("added", "Ask back."),
    ]
