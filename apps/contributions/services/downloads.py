from django.db.models import QuerySet

from apps.common import audit
from apps.common.audit import Actor
from apps.contributions.models import TrainingExample
from apps.personas.models import Persona


def record_download(*, examples: QuerySet[TrainingExample], by: Actor) -> None:
    """Somebody looked at what leaves, and took it: on record for each persona whose examples these are."""
    handed_out = examples.filter(withdrawn_at=None).order_by()
    for persona in Persona.objects.filter(pk__in=handed_out.values("persona")).select_related("organization"):
        audit.record("downloaded", by=by, target=persona, examples=handed_out.filter(persona=persona).count())
