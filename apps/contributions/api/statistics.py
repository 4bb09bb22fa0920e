from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.errors import InvalidInput
from apps.contributions import queries
from apps.contributions.enums import ExampleKind, ExampleOutcome, ExampleSource, ExampleStatus, QualityBand
from apps.contributions.queries import Collection, Eligibility, Statistics
from apps.organizations.enums import Scope
from apps.organizations.permissions import organization_of

LONGEST = 366  # days
NOT_FILTERS = {"organization"}
NO_OUTCOME = "unknown"


class StatisticsFilterSerializer(serializers.Serializer[Any]):
    persona = serializers.SlugField(
        required=False, default="", help_text="Slug of a persona; all of them unless given."
    )
    days = serializers.IntegerField(
        required=False, default=30, min_value=1, max_value=LONGEST, help_text="For `by_day`, up to today."
    )


class _Counts(serializers.DictField):
    child = serializers.IntegerField()

    def __init__(self, help_text: str) -> None:
        super().__init__(help_text=help_text)


class DayCountSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="In UTC.")
    examples = serializers.IntegerField()


class EligibilitySerializer(serializers.Serializer[Eligibility]):
    persona = serializers.SlugField(source="persona.slug")
    total = serializers.IntegerField(help_text="All its examples.")
    trainable = serializers.IntegerField(
        source="count", help_text="Accepted, consented to, outside the test set and good enough for its task."
    )
    needed = serializers.IntegerField(help_text="So many make fine-tuning available.")
    recommended = serializers.IntegerField()
    missing = serializers.IntegerField()
    awaiting_labels = serializers.IntegerField(source="awaiting")
    disputed = serializers.IntegerField(help_text="Labels disagree: somebody has to decide.")
    is_eligible = serializers.BooleanField()
    sentence = serializers.CharField(help_text="What there is, and what to do if that is not enough.")


class StatisticsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    by_kind = _Counts(help_text="Kind of example -> examples. Every value that exists is named, here as below.")
    by_source = _Counts(help_text="Where they come from.")
    by_outcome = _Counts(help_text=f"What became of the answer in them; `{NO_OUTCOME}` where nobody has said.")
    by_status = _Counts(help_text="How far they are.")
    by_quality = _Counts(help_text="Quality score: `low` below 0.5, `fair` below 0.7, `good` from 0.7.")
    by_day = DayCountSerializer(many=True, help_text="Oldest first, with days on which nothing came in.")
    personas = EligibilitySerializer(many=True)


class StatisticsView(APIView):
    """What has come in, and which personas have enough of it to be trained."""

    read_scopes = (Scope.READ,)

    @extend_schema(parameters=[StatisticsFilterSerializer], responses=StatisticsSerializer, tags=["stats"])
    def get(self, request: Request) -> Response:
        """Count what has come in.

        By kind, source, outcome, status and quality over all time, and by day for the last days; with what each persona
        still needs before it can be trained.
        """
        asked = _read_filters(request)
        found = queries.statistics_of(organization=organization_of(request), now=timezone.now(), **asked)
        return Response(StatisticsSerializer(_body(found)).data)


def _read_filters(request: Request) -> dict[str, Any]:
    allowed = StatisticsFilterSerializer(data=request.query_params)
    if unknown := set(request.query_params) - set(allowed.fields) - NOT_FILTERS:
        raise InvalidInput(
            f"There is no filter {sorted(unknown)[0][:50]!r}.",
            resolution=f"Filter by: {', '.join(allowed.fields)}.",
            code="unknown_filter",
        )
    allowed.is_valid(raise_exception=True)
    asked: dict[str, Any] = allowed.validated_data
    return asked


def _body(found: Statistics) -> dict[str, Any]:
    counts: Collection = found.collection
    return {
        "total": counts.total,
        "by_kind": {kind: counts.kinds[kind] for kind in ExampleKind.values},
        "by_source": {source: counts.sources[source] for source in ExampleSource.values},
        "by_outcome": {
            **{outcome: counts.outcomes[outcome] for outcome in ExampleOutcome.values},
            NO_OUTCOME: counts.outcomes[""],
        },
        "by_status": {status: counts.statuses[status] for status in ExampleStatus.values},
        "by_quality": {band: counts.bands[band] for band in QualityBand.values},
        "by_day": [{"day": day, "examples": count} for day, count in counts.by_day.items()],
        "personas": found.eligibility,
    }
