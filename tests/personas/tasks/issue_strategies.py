"""Issues of every kind, for tests that try many."""

from typing import Any

from hypothesis import strategies as st

from apps.personas.tasks.issues import Issue

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
severities = st.sampled_from(["", "low", "medium", "high", "critical"])
raw_issues = st.one_of(words, st.fixed_dictionaries({"title": words, "severity": severities, "where": words}))


def usable(issue: Any) -> bool:
    try:
        Issue.model_validate(issue)
    except ValueError:
        return False
    return True


issues = st.lists(raw_issues.filter(usable), max_size=6)
moods = st.one_of(st.none(), st.floats(-1, 1))
