"""Whether a persona has enough examples to be trained, and what is missing if not (AV4)."""

from dataclasses import dataclass

from django.template.defaultfilters import pluralize

from apps.contributions.enums import QualityBand
from apps.contributions.queries.collection import PersonaCounts
from apps.personas.enums import TaskName
from apps.personas.models import Persona


@dataclass(frozen=True)
class Threshold:
    """`needed` examples of these bands make a persona eligible; with `recommended` of them it is worth its price."""

    needed: int
    recommended: int
    bands: tuple[QualityBand, ...] = (QualityBand.GOOD,)


# What the documents ask for. SC2's hold where a task has none of its own: 10 at least, 100 and more recommended.
FROM_HALF = (QualityBand.FAIR, QualityBand.GOOD)
USUAL = Threshold(needed=10, recommended=100)
THRESHOLDS: dict[str, Threshold] = {
    TaskName.CONVERSATION: Threshold(needed=50, recommended=100),  # AV4
    TaskName.PAGE_BUILDER: Threshold(needed=10, recommended=200, bands=FROM_HALF),  # PB3; PB9: 200-500
    TaskName.ROAST: Threshold(needed=100, recommended=100),  # RT4
}


@dataclass(frozen=True)
class Eligibility:
    """`count` of what a dataset could hold: accepted, consented to, outside the test set and good enough. Examples that
    repeat each other are counted each: the preview of a dataset tells them apart."""

    persona: Persona
    total: int
    count: int
    needed: int
    recommended: int
    awaiting: int
    disputed: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.count)

    @property
    def is_eligible(self) -> bool:
        return not self.missing

    @property
    def percent(self) -> int:
        return min(100, 100 * self.count // self.needed)

    @property
    def sentence(self) -> str:
        """What there is, and what to do if that is not enough."""
        have = f"You have {self.count:,} example{pluralize(self.count)}"
        if not self.is_eligible:
            return f"{have} of the {self.needed:,} that fine-tuning needs: {self.missing:,} to go. {self._way}"
        if self.count < self.recommended:
            return f"{have} - fine-tuning available! {self.recommended:,} or more are recommended."
        return f"{have} - fine-tuning available!"

    @property
    def _way(self) -> str:
        ways = []
        if self.awaiting:
            ways.append(f"{self.awaiting:,} wait{pluralize(self.awaiting, 's,')} for labels.")
        if self.disputed:
            ways.append(f"Labels disagree on {self.disputed:,}: decide {pluralize(self.disputed, 'it,them')}.")
        return " ".join(ways) or "Bring more examples in."


def eligibility_of(*, persona: Persona, counts: PersonaCounts) -> Eligibility:
    threshold = THRESHOLDS.get(persona.task, USUAL)
    return Eligibility(
        persona=persona,
        total=counts.total,
        count=sum(counts.trainable[band] for band in threshold.bands),
        needed=threshold.needed,
        recommended=threshold.recommended,
        awaiting=counts.awaiting,
        disputed=counts.disputed,
    )
