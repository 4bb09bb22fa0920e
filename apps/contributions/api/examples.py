from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.common.api import as_flywheel_error, error_body
from apps.common.errors import FlywheelError, InvalidInput, TooLarge
from apps.contributions import services
from apps.contributions.enums import ExampleKind, ExampleSource, ExampleStatus
from apps.contributions.models import TrainingExample
from apps.organizations.enums import Scope
from apps.organizations.permissions import acting, organization_of

NOT_FILTERS = {"cursor", "page_size", "organization"}


class ExampleFilterSerializer(serializers.Serializer[Any]):
    """What the list may be filtered by, and nothing else: never the caller's own field names."""

    persona = serializers.SlugField(required=False, source="persona__slug", help_text="Slug of a persona.")
    status = serializers.ChoiceField(ExampleStatus.choices, required=False)
    kind = serializers.ChoiceField(ExampleKind.choices, required=False)
    source = serializers.ChoiceField(ExampleSource.choices, required=False)  # type: ignore[assignment]


class ExampleSerializer(serializers.ModelSerializer[TrainingExample]):
    persona = serializers.CharField(source="persona.slug", read_only=True)
    input = serializers.DictField(read_only=True, help_text="In the shape of the persona's task.")
    output = serializers.DictField(read_only=True, allow_null=True, help_text="What a model answered, if one did.")
    accepted_label = serializers.DictField(read_only=True, allow_null=True, help_text="What people say is right.")

    class Meta:
        model = TrainingExample
        fields = [
            "id", "persona", "kind", "source", "status", "input", "output", "accepted_label", "category",
            "quality_score", "outcome", "split_pin", "consent", "client_id", "response_id", "conversation_ref",
            "contributed_by", "accepted_at", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewExampleSerializer(serializers.Serializer[Any]):
    persona = serializers.SlugField(max_length=100, help_text="Slug of the persona that is to learn it.")
    input = serializers.DictField(help_text='In the shape of its task; for survey coding {"text": ...}.')
    kind = serializers.ChoiceField(ExampleKind.choices, required=False, help_text="The task's first kind unless given.")
    output = serializers.DictField(required=False, allow_null=True, help_text="What a model answered.")
    client_id = serializers.CharField(
        required=False, max_length=100, help_text="Your own id: sending it twice changes nothing."
    )
    conversation_ref = serializers.CharField(required=False, max_length=100)


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    resolution = serializers.CharField()


class ExampleResultSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField([(value.value, value.value) for value in services.ExampleResultStatus])
    id = serializers.IntegerField(allow_null=True, help_text="Of the example stored, or of the one that was there.")
    client_id = serializers.CharField(allow_null=True)
    error = ErrorSerializer(allow_null=True)


class ExampleResultsSerializer(serializers.Serializer[Any]):
    results = ExampleResultSerializer(many=True)


class ExampleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[TrainingExample]):
    """Training examples: one input each, what a model answered, and what people say is right."""

    serializer_class = ExampleSerializer
    queryset = TrainingExample.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.CONTRIBUTE,)

    def get_queryset(self) -> QuerySet[TrainingExample]:
        examples = TrainingExample.objects.of_organization(organization_of(self.request)).select_related("persona")
        return examples.filter(**_filters(self.request)) if self.action == "list" else examples

    @extend_schema(parameters=[ExampleFilterSerializer])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The organization's examples, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="NewExamples",
            serializers=[NewExampleSerializer, NewExampleSerializer(many=True)],
            resource_type_field_name=None,
            many=False,  # each serializer says for itself whether it is a list
        ),
        responses={200: ExampleResultsSerializer, 201: ExampleResultsSerializer},
    )
    def create(self, request: Request) -> Response:
        """Add one example or a list of up to 500.

        Each gets its own result, in the order sent. A list is answered by 200 whatever became of its items. A single
        example is answered by 201 if it was stored, by 200 if it was known, and by its error if it cannot be used.
        """
        single = isinstance(request.data, dict)
        items = [request.data] if single else request.data
        results = _create(request, items)
        if single and results[0].error is not None:
            raise results[0].error
        created = single and results[0].status == services.ExampleResultStatus.CREATED
        body = {"results": [_result(item, result) for item, result in zip(items, results, strict=True)]}
        return Response(body, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)


def _create(request: Request, data: Any) -> list[services.ExampleResult]:
    """One service call for all that can be read; what cannot is refused in its place."""
    if not isinstance(data, list):
        raise InvalidInput("This is neither an example nor a list of them.", resolution="Send an object or a list.")
    if len(data) > services.MAX_ITEMS:
        raise TooLarge(f"These are {len(data):,} examples.", resolution=f"Send at most {services.MAX_ITEMS:,} at once.")
    read = [_read(item) for item in data]
    usable = [item for item in read if isinstance(item, services.NewExample)]
    stored = iter(services.create_examples(organization=organization_of(request), items=usable, by=acting(request)))
    return [
        next(stored)
        if isinstance(item, services.NewExample)
        else services.ExampleResult(services.ExampleResultStatus.REJECTED, error=item)
        for item in read
    ]


def _read(item: Any) -> services.NewExample | FlywheelError:
    serializer = NewExampleSerializer(data=item)
    try:
        serializer.is_valid(raise_exception=True)
    except serializers.ValidationError as error:
        return as_flywheel_error(error) or InvalidInput("This is no example.")
    return services.NewExample(**serializer.validated_data)


def _result(item: Any, result: services.ExampleResult) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "id": result.example_id,
        "client_id": item.get("client_id") if isinstance(item, dict) else None,
        "error": None if result.error is None else error_body(result.error)["error"],
    }


def _filters(request: Request) -> dict[str, str]:
    allowed = ExampleFilterSerializer(data=request.query_params)
    if unknown := set(request.query_params) - set(allowed.fields) - NOT_FILTERS:
        raise InvalidInput(
            f"There is no filter {sorted(unknown)[0][:50]!r}.",
            resolution=f"Filter by: {', '.join(allowed.fields)}.",
            code="unknown_filter",
        )
    allowed.is_valid(raise_exception=True)
    chosen: dict[str, str] = allowed.validated_data
    return chosen
