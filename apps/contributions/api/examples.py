import builtins
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.common.errors import InvalidInput, TooLarge
from apps.contributions import services
from apps.contributions.api.items import (
    ExampleResultSerializer,
    ExampleResultsSerializer,
    NewExampleSerializer,
    read_item,
    result_of,
)
from apps.contributions.api.lines import MEDIA_TYPES, Body, LinesRenderer, take_in_lines
from apps.contributions.enums import ExampleKind, ExampleSource, ExampleStatus
from apps.contributions.models import TrainingExample, Withdrawal
from apps.organizations.enums import Scope
from apps.organizations.models import ApiKey
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


class WithdrawExampleSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, help_text="Kept with the request."
    )


class AffectedSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="`datasets.trainingdataset`, `custom_models.custommodel`, ...")
    id = serializers.IntegerField()
    name = serializers.CharField()
    rows = serializers.IntegerField(help_text="Examples of the withdrawal in it.")


class WithdrawalSerializer(serializers.ModelSerializer[Withdrawal]):
    affected = AffectedSerializer(
        many=True, read_only=True, source="report.affected", help_text="What holds them. Models cannot be un-trained."
    )

    class Meta:
        model = Withdrawal
        fields = ["id", "scope", "status", "examples_count", "labels_count", "erased_count", "affected", "created_at"]
        read_only_fields = fields


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

    def get_renderers(self) -> builtins.list[BaseRenderer]:  # `list` is the action here
        return [*super().get_renderers(), *([LinesRenderer()] if self.action == "create" else [])]

    @extend_schema(
        request={
            "application/json": PolymorphicProxySerializer(
                component_name="NewExamples",
                serializers=[NewExampleSerializer, NewExampleSerializer(many=True)],
                resource_type_field_name=None,
                many=False,  # each serializer says for itself whether it is a list
            ),
            **dict.fromkeys(MEDIA_TYPES, NewExampleSerializer),
        },
        responses={
            (200, "application/json"): ExampleResultsSerializer,
            (200, MEDIA_TYPES[0]): ExampleResultSerializer,
            (201, "application/json"): ExampleResultsSerializer,
        },
    )
    def create(self, request: Request) -> HttpResponseBase:
        """Add one example, a list of up to 500, or up to 200,000 as NDJSON.

        Each gets its own result, in the order sent. A list is answered by 200 whatever became of its items. A single
        example is answered by 201 if it was stored, by 200 if it was known, and by its error if it cannot be used.

        NDJSON (`Content-Type: application/x-ndjson`) has one example on each line, of at most 1 MB, and is answered by
        200 and one result on each line, once all of it was read. It is stored in batches as it arrives, so memory and
        waiting stay the same however much it is; when the connection breaks, what came before stays. Send your own
        `client_id` with each: then all of it can be sent again, and what is there already is answered by `exists`.
        So is what was withdrawn since: it comes back under another `client_id` alone, or without one.
        """
        if _media_type(request) in MEDIA_TYPES:
            return self._create_from_lines(request)
        single = isinstance(request.data, dict)
        items = [request.data] if single else request.data
        results = _create(request, items)
        if single and results[0].error is not None:
            raise results[0].error
        created = single and results[0].status == services.ExampleResultStatus.CREATED
        body = {"results": [result_of(item, result) for item, result in zip(items, results, strict=True)]}
        return Response(body, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def _create_from_lines(self, request: Request) -> FileResponse:
        results = take_in_lines(Body(request._request), store=partial(_store, request), may_decide=_may_decide(request))
        return FileResponse(results, content_type=MEDIA_TYPES[0])

    @extend_schema(request=WithdrawExampleSerializer, responses=WithdrawalSerializer)
    @action(detail=True, methods=["post"], write_scopes=(Scope.CONTRIBUTE, Scope.TRAIN))
    def withdraw(self, request: Request, pk: str) -> Response:
        """Delete an example for good, on the request of who said it.

        It is out of every build at once, and the answer names the datasets and custom models that hold it. Every copy
        is erased by the worker; the row stays, empty. What was said after it in the same conversation goes too. A key
        takes the scope `train` beside `contribute`: one that only adds may lie in a browser, and this is not undone.
        """
        wanted = WithdrawExampleSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        withdrawal = services.withdraw_examples(
            organization=organization_of(request),
            example_ids=[self.get_object().pk],
            by=acting(request),
            now=timezone.now(),
            reason=wanted.validated_data.get("reason", ""),
        )
        return Response(WithdrawalSerializer(withdrawal).data)


def _media_type(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def _create(request: Request, data: Any) -> list[services.ExampleResult]:
    """One service call for all that can be read; what cannot is refused in its place."""
    if not isinstance(data, list):
        raise InvalidInput("This is neither an example nor a list of them.", resolution="Send an object or a list.")
    if len(data) > services.MAX_ITEMS:
        raise TooLarge(
            f"These are {len(data):,} examples.",
            resolution=f"Send at most {services.MAX_ITEMS:,} at once, or one on each line as {MEDIA_TYPES[0]}.",
        )
    may_decide = _may_decide(request)
    read = [read_item(item, may_decide=may_decide) for item in data]
    stored = iter(_store(request, [item for item in read if isinstance(item, services.NewExample)]))
    return [next(stored) if isinstance(item, services.NewExample) else services.rejected(item) for item in read]


def _store(request: Request, items: list[services.NewExample]) -> list[services.ExampleResult]:
    return services.create_examples(
        organization=organization_of(request), items=items, by=acting(request), now=timezone.now()
    )


def _may_decide(request: Request) -> bool:
    """A member whose role lets them write decides what is right; a key does so if it may train on it too, for what is
    accepted on its word goes straight into datasets."""
    return not isinstance(request.auth, ApiKey) or request.auth.allows([Scope.TRAIN])


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
