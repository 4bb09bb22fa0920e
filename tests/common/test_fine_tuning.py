import pytest

from apps.common.fine_tuning import default_epochs


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(0, 0), (1, 25), (4, 25), (10, 10), (33, 3), (34, 3), (1000, 3), (8_333, 3), (8_334, 2), (10_000, 2), (30_000, 1)],
)
def test_the_published_rule_for_epochs(examples: int, epochs: int) -> None:
    assert default_epochs(examples) == epochs
