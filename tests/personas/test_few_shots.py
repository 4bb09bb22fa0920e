import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.personas.enums import PatternType
from apps.personas.queries import Pair, choose_diverse, diversity_of, pattern_of

PAIRS = st.lists(st.builds(Pair, st.text("abc ?", max_size=12), st.text("abc !", max_size=12)), max_size=40)


@pytest.mark.parametrize(
    ("said", "answered", "pattern"),
    [
        ("Hello Mia, how are you today?", "Fine, and you?", PatternType.GREETING),
        ("Guten Morgen zusammen", "Na, schon wach?", PatternType.GREETING),
        ("Where shall we meet?", "At the old harbour, by the crane.", PatternType.QUESTION),
        ("I bought the blue one.", "Good choice, it suits you.", PatternType.STATEMENT),
        ("You burnt it again.", "Hahaha, I call it caramelised.", PatternType.JOKE),
        ("How did you two meet?", "So " + "it was raining and the bus did not come " * 5, PatternType.STORY),
        ("We chimed in", "Highly unlikely", PatternType.STATEMENT),  # no "hi" in there
    ],
)
def test_a_pair_is_named_by_what_it_shows(said: str, answered: str, pattern: PatternType) -> None:
    assert pattern_of(Pair(said, answered)) == pattern


def test_nearly_equal_pairs_are_not_chosen_twice() -> None:
    orders = [Pair(f"Can I have {n} coffees please", "Sure, they are ready soon") for n in range(30)]
    others = [
        Pair("Where do you live these days?", "In a lighthouse near Bremerhaven"),
        Pair("Tell me about your boat", "She is called Molly and she leaks a little"),
    ]
    chosen = choose_diverse([*orders, *others], most=3)
    assert chosen[1:] == others
    assert chosen[0] in orders


def test_a_pattern_that_is_not_shown_yet_goes_first() -> None:
    questions = [Pair(f"Which {word} do you like?", f"The {word} of my aunt") for word in ("cake", "tree", "river")]
    greeting = Pair("Hello there, nice cake tree river", "Hello, the cake tree river of my aunt")
    assert greeting in choose_diverse([*questions, greeting], most=2)


@given(PAIRS, st.integers(1, 8))
def test_what_is_chosen_comes_from_the_pairs_once_each_in_their_order(pairs: list[Pair], most: int) -> None:
    chosen = choose_diverse(pairs, most=most)
    assert len(chosen) == min(most, len(set(pairs)))
    assert sorted(chosen, key=pairs.index) == chosen
    assert chosen == choose_diverse(pairs, most=most)


def test_diversity_is_the_mean_distance_of_the_words() -> None:
    same, other = Pair("one two", "three"), Pair("four five", "six")
    assert diversity_of([]) is None
    assert diversity_of([same]) is None
    assert diversity_of([same, same]) == 0.0
    assert diversity_of([same, other]) == 1.0
    assert diversity_of([Pair("one two", ""), Pair("one three", "")]) == round(1 - 1 / 3, 4)
