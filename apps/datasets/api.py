from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.contributions.enums import Split
from apps.datasets import queries, services
from apps.datasets.models import TrainingDataset
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of
from apps.personas.queries import get_persona

FILE_PARAMETER = OpenApiParameter(
    "split", enum=[Split.TRAIN, Split.VALIDATION], default=Split.TRAIN, description="Which of the two files."
)


class DatasetSerializer(serializers.ModelSerializer[TrainingDataset]):
    persona = serializers.CharField(source="persona.slug", read_only=True)
    left_out = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        source="training_params.left_out",
        default=dict,
        help_text="How many examples of the persona are not in it, by reason.",
    )

    class Meta:
        model = TrainingDataset
        fields = [
            "id", "name", "description", "persona", "status", "format", "prompt_version", "min_quality_score",
            "include_persona", "include_platform_context", "seed", "example_count", "training_count",
            "validation_count", "withdrawn_count", "training_tokens", "left_out", "training_sha256",
            "validation_sha256", "redactions", "prepared_at",
            "approved_at", "approved_by", "published_at", "published_by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class MeasuredSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    spans = serializers.IntegerField(help_text="Pieces of personal data of this kind in the measured set.")
    recall = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Share, low, high (95 %)."
    )
    precision = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="Share, low, high.")


class LeavingSerializer(serializers.Serializer[Any]):
    replaced = serializers.CharField(help_text="How often each kind of personal data was replaced.")
    measured = MeasuredSerializer(many=True)
    beginning = serializers.CharField(help_text="What every line starts with.")
    lines = serializers.ListField(child=serializers.CharField(), help_text="20 lines as they would leave, without it.")


class ApprovalSerializer(serializers.Serializer[Any]):
    i_have_looked = serializers.BooleanField(help_text="At what `GET .../leaving/` shows. Only true approves.")

    def validate_i_have_looked(self, looked: bool) -> bool:
        if not looked:
            raise serializers.ValidationError("Look at what would leave first.")
        return looked


class NewDatasetSerializer(serializers.Serializer[Any]):
    """What a dataset is built from. Left out: the documents' defaults."""

    persona = serializers.SlugField(help_text="Slug of the persona whose examples are chosen.")
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    min_quality_score = serializers.DecimalField(
        required=False, max_digits=4, decimal_places=3, min_value=0, max_value=1, help_text="0.7 unless given."
    )
    maximum = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, help_text="Newest rows; 1,000 unless given, null for all."
    )
    include_persona = serializers.BooleanField(required=False)
    include_platform_context = serializers.BooleanField(required=False)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class DatasetViewSet(ReadOnlyModelViewSet[TrainingDataset]):
    """Training datasets: built as drafts, published once, never changed after."""

    serializer_class = DatasetSerializer
    queryset = TrainingDataset.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.TRAIN,)

    def get_queryset(self) -> QuerySet[TrainingDataset]:
        organization = organization_of(self.request)
        return TrainingDataset.objects.of_organization(organization).select_related("persona", "organization")

    @extend_schema(request=NewDatasetSerializer, responses={201: DatasetSerializer})
    def create(self, request: Request) -> Response:
        """Build a dataset. The draft holds the persona's examples, chosen, rendered and split."""
        wanted = NewDatasetSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        arguments = dict(wanted.validated_data)
        persona = get_persona(organization=organization_of(request), slug=arguments.pop("persona"))
        dataset = services.build_dataset(persona=persona, by=acting(request), now=timezone.now(), **arguments)
        return Response(DatasetSerializer(dataset).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=LeavingSerializer)
    @action(detail=True, methods=["get"])
    def leaving(self, request: Request, pk: str) -> Response:
        """Look at what would leave. What was replaced, how well that works, and sample lines."""
        return Response(LeavingSerializer(queries.what_leaves(dataset=self.get_object())).data)

    @extend_schema(request=ApprovalSerializer, responses=DatasetSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve a draft. Somebody has looked at what would leave; without this nothing is published."""
        ApprovalSerializer(data=request.data).is_valid(raise_exception=True)
        dataset = services.approve_dataset(dataset=self.get_object(), by=acting(request), now=timezone.now())
        return Response(DatasetSerializer(dataset).data)

    @extend_schema(request=None, responses=DatasetSerializer)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Publish a dataset. It is frozen for ever, and who taught it is written down."""
        dataset = services.publish_dataset(dataset=self.get_object(), by=acting(request), now=timezone.now())
        return Response(DatasetSerializer(dataset).data)

    @extend_schema(
        parameters=[FILE_PARAMETER],
        responses={
            (200, "application/jsonl"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The file whose hash was sent in `If-None-Match`."),
        },
    )
    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """Download a published dataset's file. It is streamed; its `ETag` is its SHA-256."""
        split = request.query_params.get("split", Split.TRAIN)
        download = queries.open_file(dataset=self.get_object(), split=split)
        etag = download.headers["ETag"]
        if etag in request.headers.get("If-None-Match", ""):
            return HttpResponseNotModified(headers={"ETag": etag})
        return StreamingHttpResponse(download.chunks, headers=download.headers)
