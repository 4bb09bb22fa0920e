"""How far testers agree: raw, Cohen's kappa, Krippendorff's alpha. Labels agree if their hashes are equal."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from apps.common.ids import content_hash
from apps.contributions.models import Label
from apps.personas.models import Persona
from apps.personas.tasks import Task

LATEST = 10_000  # examples at most: chance moves a share of so many by less than 0.01, 19 times in 20
Units = Mapping[int, Mapping[int, Hashable]]  # example -> tester -> what they said


@dataclass(frozen=True)
class Agreement:
    """None stands for what cannot be computed; `why` says for each of them why not."""

    examples: int  # labelled by two testers or more
    labels: int  # of these
    testers: int
    raw: float | None
    kappa: float | None
    alpha: float | None
    why: dict[str, str]

    @property
    def is_of_latest(self) -> bool:
        """There may be older examples that it says nothing of."""
        return self.examples == LATEST


def label_hash(*, task: Task, label: Mapping[str, Any]) -> str:
    """Labels with the same hash agree: the task says what they have to have in common."""
    return content_hash(task.agreement(label))


def agreement_of(*, persona: Persona) -> Agreement:
    """Over the latest `LATEST` examples that more than one tester labelled."""
    units = _shared_units(persona)
    testers = {tester for said in units.values() for tester in said}
    raw, alpha = raw_agreement(units), krippendorffs_alpha(units)
    kappa = cohens_kappa(units) if len(testers) == 2 else None
    return Agreement(
        examples=len(units),
        labels=sum(len(said) for said in units.values()),
        testers=len(testers),
        raw=raw,
        kappa=kappa,
        alpha=alpha,
        why=_why(len(units), len(testers), kappa=kappa, alpha=alpha),
    )


def raw_agreement(units: Units) -> float | None:
    """Of all pairs of labels that two testers gave one example, the share that are equal. None without a pair."""
    pairs = equal = 0
    for said in units.values():
        pairs += len(said) * (len(said) - 1)
        equal += sum(count * (count - 1) for count in Counter(said.values()).values())
    return equal / pairs if pairs else None


def cohens_kappa(units: Units) -> float | None:
    """Agreement of two testers beyond chance: 1 is perfect, 0 is chance, less is worse than chance.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960): the
    chance of each tester is their own. Over the examples that both labelled. None without any, or if both always said
    the one same thing, when chance would have done as well.
    """
    both = [[said[tester] for tester in sorted(said)] for said in units.values() if len(said) == 2]
    if not both:
        return None
    ones, others = (Counter(said[place] for said in both) for place in (0, 1))
    observed = sum(one == other for one, other in both) / len(both)
    by_chance = sum(count * others[what] for what, count in ones.items()) / len(both) ** 2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def krippendorffs_alpha(units: Units) -> float | None:
    """Agreement of any number of testers beyond chance, whoever labelled what: 1 is perfect, 0 is chance.

    K. Krippendorff, "Content Analysis", 2nd ed. (2004), chapter 11, for nominal data: 1 - (n - 1) * D / (n^2 - S), with
    n labels that have a partner on their example, D the disagreeing pairs of each example over the number of its labels
    less one, and S the sum of squares of how often each label was given. None without a pair, or if all are the same.
    """
    paired = [Counter(said.values()) for said in units.values() if len(said) > 1]
    totals: Counter[Hashable] = Counter()
    disagreeing = 0.0
    for counts in paired:
        totals.update(counts)
        given = counts.total()
        disagreeing += (given**2 - sum(count**2 for count in counts.values())) / (given - 1)
    labels = totals.total()
    by_chance = labels**2 - sum(count**2 for count in totals.values())
    return 1 - (labels - 1) * disagreeing / by_chance if by_chance else None


def _shared_units(persona: Persona) -> Units:
    """The latest examples of the persona that two testers or more have labelled."""
    own = Label.objects.filter(example__persona=persona, withdrawn_at=None)  # what was taken back says nothing
    shared = own.values("example").annotate(given=Count("pk")).filter(given__gt=1).order_by("-example_id")
    units: dict[int, dict[int, Hashable]] = defaultdict(dict)
    rows = (
        own.filter(example__in=shared.values("example")[:LATEST])
        .order_by()
        .values_list("example_id", "tester_id", "payload_hash")
    )
    for example, tester, said in rows.iterator():
        units[example][tester] = said
    return units


def _why(examples: int, testers: int, *, kappa: float | None, alpha: float | None) -> dict[str, str]:
    if not examples:
        alone = "no example has been labelled by two testers yet"
        return {"raw": alone, "kappa": alone, "alpha": alone}
    same = "everybody always gave the same label, so chance would have done as well"
    why = {"alpha": same} if alpha is None else {}
    if testers != 2:
        return {**why, "kappa": f"it is for two testers, and here are {testers}: see alpha"}
    return {**why, "kappa": same} if kappa is None else why
