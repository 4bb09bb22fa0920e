from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.common.errors import TooLarge
from apps.common.parsers import SafeJSONParser
from apps.contributions import services
from apps.contributions.enums import UploadStatus
from apps.contributions.models import Upload
from apps.contributions.queries import conversation_uploads, percent_of, stage_words
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of
from apps.personas.queries import get_persona

MAX_BODY_BYTES = services.MAX_UPLOAD_BYTES + 1_000_000  # the fields beside the file, and what stands between them


class NewUploadSerializer(serializers.Serializer[Any]):
    persona = serializers.SlugField(max_length=100, help_text="Slug of a persona whose task is Conversation.")
    file = serializers.FileField(
        allow_empty_file=True,  # it is refused in our own words, like other files that nothing reads
        help_text="Text, PDF, PNG, JPEG, WebP, GIF or TIFF, of up to 25 MB. What it is, its content tells.",
    )
    speaker = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Who of those who speak in it the persona is."
    )
    allow_vision = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Send pictures and pages without text to the provider's vision model, as they are: nothing in them "
        "is anonymised. Only where the organization allows it.",
    )


class SpeakerSerializer(serializers.Serializer[Any]):
    speaker = serializers.CharField(max_length=200, help_text="One of `report.speakers`, as it is spelt there.")


class UploadErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField(help_text="What is wrong, and what to do.")


class UploadLinksSerializer(serializers.Serializer[Any]):
    page = serializers.CharField(help_text="For people: stages, pairs, the new prompt laid over the active one.")
    prompt = serializers.CharField(allow_null=True, help_text="For people: the prompt, to be activated.")


class UploadSerializer(serializers.ModelSerializer[Upload]):
    persona = serializers.CharField(source="persona.slug", read_only=True)
    name = serializers.CharField(source="original_name", read_only=True)
    status = serializers.ChoiceField(UploadStatus.choices, read_only=True)
    stage = serializers.SerializerMethodField(help_text="Where it stands, in words.")
    progress = serializers.SerializerMethodField(help_text="Percent of the way; null where nothing moves.")
    examples = serializers.IntegerField(source="rows_imported", read_only=True, help_text="New examples from it.")
    allow_vision = serializers.BooleanField(source="allows_vision", read_only=True)
    error = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Upload
        fields = [
            "id", "persona", "name", "media_type", "size_bytes", "allow_vision", "status", "stage", "progress",
            "progress_done", "progress_total", "pages", "examples", "error", "links", "uploaded_by", "created_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_stage(self, upload: Upload) -> str:
        words = stage_words(upload)
        return f"{upload.get_status_display()}: {words}" if words else upload.get_status_display()

    def get_progress(self, upload: Upload) -> int | None:
        return percent_of(upload)

    @extend_schema_field(UploadErrorSerializer(allow_null=True))
    def get_error(self, upload: Upload) -> dict[str, str] | None:
        return {"code": upload.error_code, "message": upload.error_message} if upload.error_code else None

    @extend_schema_field(UploadLinksSerializer)
    def get_links(self, upload: Upload) -> dict[str, str | None]:
        prompt = upload.prompt_version_id
        return {
            "page": reverse("admin:contributions_upload_change", args=[upload.pk]),
            "prompt": reverse("admin:personas_promptversion_change", args=[prompt]) if prompt else None,
        }


class UploadDetailSerializer(UploadSerializer):
    speaker = serializers.CharField(read_only=True, help_text="Whose words are the persona's.")
    report = serializers.SerializerMethodField(
        help_text="`speakers` with what they said; `pairs` found, new, duplicates and unusable; what was `dropped` or "
        "`left_out` and why, in numbers; who it was `read_by`; `few_shots` proposed; `warnings` and `notes`."
    )
    analysis = serializers.SerializerMethodField(help_text="How the speaker speaks: numbers, and sentences.")

    class Meta(UploadSerializer.Meta):
        fields = [*UploadSerializer.Meta.fields, "speaker", "report", "analysis"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_report(self, upload: Upload) -> dict[str, Any]:
        return {name: value for name, value in upload.report.items() if name != "seen"}

    @extend_schema_field({"type": "object", "additionalProperties": {}, "nullable": True})
    def get_analysis(self, upload: Upload) -> dict[str, Any] | None:
        analysis: dict[str, Any] | None = upload.analysis
        return analysis


class ReceivedSerializer(UploadSerializer):
    is_new = serializers.BooleanField(help_text="false: the persona was given this very file before; this is it.")

    class Meta(UploadSerializer.Meta):
        fields = [*UploadSerializer.Meta.fields, "is_new"]
        read_only_fields = fields


class UploadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Upload]):
    """Files of conversations: read, paired, analysed, and made into examples and a prompt."""

    queryset = Upload.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    parser_classes = (MultiPartParser,)
    write_scopes = (Scope.CONTRIBUTE, Scope.TRAIN)  # what comes of it is accepted, and goes straight into datasets

    def get_queryset(self) -> QuerySet[Upload]:
        return conversation_uploads(organization=organization_of(self.request))

    def get_serializer_class(self) -> type[UploadSerializer]:
        return UploadDetailSerializer if self.action == "retrieve" else UploadSerializer

    @extend_schema(
        request={"multipart/form-data": NewUploadSerializer},
        responses={200: ReceivedSerializer, 201: ReceivedSerializer},
    )
    def create(self, request: Request) -> Response:
        """Upload a file of conversations for a persona.

        Answered by 201 at once; the worker reads it, and `GET` on it says how far it is. The same file again is
        answered by 200 and what became of it. Takes the scopes `contribute` and `train`: its pairs are accepted on the
        word of who sends them.
        """
        _require_size(request)
        wanted = NewUploadSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        received = services.receive_upload(
            persona=get_persona(organization=organization_of(request), slug=given["persona"]),
            file=given["file"].file,
            name=given["file"].name,
            speaker=given.get("speaker", ""),
            allows_vision=given["allow_vision"],
            by=acting(request),
        )
        received.upload.is_new = received.is_new  # type: ignore[attr-defined]  # told, not stored
        code = status.HTTP_201_CREATED if received.is_new else status.HTTP_200_OK
        return Response(ReceivedSerializer(received.upload).data, status=code)

    @extend_schema(request=SpeakerSerializer, responses=UploadDetailSerializer)
    @action(detail=True, methods=["post"], parser_classes=[SafeJSONParser])
    def speaker(self, request: Request, pk: str) -> Response:
        """Say whose words are the persona's.

        For an upload whose status is `needs_speaker`: reading goes on at once. Also to name another speaker, where the
        first has no pairs. 409 where nobody asks.
        """
        wanted = SpeakerSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        upload = services.choose_speaker(
            upload=self.get_object(),
            speaker=wanted.validated_data["speaker"],
            by=acting(request),
            now=timezone.now(),
        )
        return Response(UploadDetailSerializer(upload).data)


def _require_size(request: Request) -> None:
    """Before the first byte of it is read."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise TooLarge(
            f"The file has more than {services.MAX_UPLOAD_BYTES // 1_000_000} MB.",
            resolution="Upload it in parts.",
            param="file",
        )
