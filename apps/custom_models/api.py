from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from apps.common.errors import InvalidInput
from apps.custom_models import services
from apps.custom_models.models import CustomModel, Evaluation, EvaluationArm, FineTuneEvent, FineTuneJob
from apps.datasets.models import TrainingDataset
from apps.organizations.enums import Scope
from apps.organizations.models import User
from apps.organizations.permissions import acting, organization_of
from apps.providers.enums import Method
from apps.providers.models import BaseModel, ProviderCredential


class FineTuneJobSerializer(serializers.ModelSerializer[FineTuneJob]):
    persona = serializers.CharField(source="persona.slug", read_only=True)
    base_model = serializers.CharField(source="base_model.name", read_only=True)

    class Meta:
        model = FineTuneJob
        fields = [
            "id", "status", "persona", "dataset", "base_model", "provider", "method", "suffix", "hyperparameters",
            "training_sha256", "training_file_id", "validation_file_id", "provider_job_id", "fine_tuned_model",
            "result_files", "metrics", "estimated_tokens", "estimated_cost_micros", "estimated_seconds",
            "trained_tokens", "actual_cost_micros", "currency", "error_code", "error_message", "last_problem",
            "started_by", "created_at", "started_at", "finished_at", "estimated_finish_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewFineTuneJobSerializer(serializers.Serializer[Any]):
    """What a job is started with. Left out: the persona's base model and the documents' defaults."""

    dataset = serializers.IntegerField(min_value=1, help_text="Id of a published dataset.")
    base_model = serializers.CharField(
        required=False, max_length=100, help_text="A name of GET /api/base-models/; the persona's unless given."
    )
    suffix = serializers.CharField(
        required=False, max_length=64, help_text="Part of the model's name; the persona's slug unless given."
    )
    method = serializers.ChoiceField(required=False, choices=Method.choices)
    hyperparameters = serializers.DictField(
        required=False, help_text='n_epochs, batch_size, learning_rate_multiplier: each a number or "auto".'
    )
    credential = serializers.CharField(
        required=False, max_length=100, help_text="Name of a provider credential; the persona's unless given."
    )


class FineTuneEventSerializer(serializers.ModelSerializer[FineTuneEvent]):
    class Meta:
        model = FineTuneEvent
        fields = ["id", "remote_id", "at", "level", "type", "message", "data"]
        read_only_fields = fields


class CustomModelSerializer(serializers.ModelSerializer[CustomModel]):
    persona = serializers.CharField(source="persona.slug", read_only=True)
    base_model = serializers.CharField(source="base_model.name", read_only=True)
    withdrawn_rows = serializers.IntegerField(
        source="training_dataset.withdrawn_count", read_only=True, default=0, help_text="Learnt, and taken back since."
    )

    class Meta:
        model = CustomModel
        fields = [
            "id", "name", "persona", "number", "status", "is_active", "base_model", "provider", "fine_tuned_model_id",
            "training_dataset", "job", "training_started_at", "training_completed_at", "training_duration_seconds",
            "training_loss", "validation_loss", "training_accuracy", "validation_accuracy", "training_examples",
            "withdrawn_rows",
            "average_response_time_ms", "quality_score", "user_approval_rate", "deployed_at", "training_cost_micros",
            "inference_cost_per_answer_micros", "currency", "shutdown_date", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class ActivationResultSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    model = serializers.CharField(help_text="The custom model that was activated or taken back.")
    fallback = serializers.CharField(help_text="The base model, which answers when the custom model cannot.")
    activated_at = serializers.DateTimeField()
    deactivated_at = serializers.DateTimeField(allow_null=True)


class EvaluationArmSerializer(serializers.ModelSerializer[EvaluationArm]):
    class Meta:
        model = EvaluationArm
        fields = [
            "model_name", "custom_model", "answered", "correct", "accuracy", "interval_low", "interval_high",
            "median_latency_ms", "cost_micros",
        ]  # fmt: skip
        read_only_fields = fields


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    arms = EvaluationArmSerializer(many=True, read_only=True)

    class Meta:
        model = Evaluation
        fields = [
            "id", "candidate", "status", "test_size", "answered", "error_message", "started_by", "created_at",
            "finished_at", "arms",
        ]  # fmt: skip
        read_only_fields = fields


class FineTuneJobViewSet(ReadOnlyModelViewSet[FineTuneJob]):
    """Fine-tuning jobs. A dataset has at most one open job, so asking twice never trains twice."""

    serializer_class = FineTuneJobSerializer
    queryset = FineTuneJob.objects.none()  # for the schema; requests start from their organization
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.TRAIN,)

    def get_queryset(self) -> QuerySet[FineTuneJob]:
        organization = organization_of(self.request)
        return FineTuneJob.objects.of_organization(organization).select_related("persona", "base_model", "organization")

    @extend_schema(request=NewFineTuneJobSerializer, responses={201: FineTuneJobSerializer})
    def create(self, request: Request) -> Response:
        """Start fine-tuning on a published dataset. 409 names the open job if there is one already."""
        wanted = NewFineTuneJobSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        job = services.start_fine_tune(
            **_own_rows(request, dict(wanted.validated_data)),
            by=acting(request),
            user=request.user if isinstance(request.user, User) else None,
            now=timezone.now(),
        )
        return Response(FineTuneJobSerializer(job).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=FineTuneJobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an open job, here and at its provider."""
        job = services.cancel_fine_tune(job=self.get_object(), by=acting(request), now=timezone.now())
        return Response(FineTuneJobSerializer(job).data)

    @extend_schema(responses=FineTuneEventSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[])
    def events(self, request: Request, pk: str) -> Response:
        """List what the provider reported about a job, newest first."""
        return _page_of(self, self.get_object().events.all(), FineTuneEventSerializer)


def _own_rows(request: Request, wanted: dict[str, Any]) -> dict[str, Any]:
    """The rows that ids and names in a request stand for, looked for in its organization only."""
    organization = organization_of(request)
    datasets = TrainingDataset.objects.of_organization(organization).select_related(
        "organization", "persona__base_model", "persona__credential"
    )
    dataset = get_object_or_404(datasets, pk=wanted["dataset"])
    credential = None
    if name := wanted.get("credential"):
        credential = get_object_or_404(ProviderCredential.objects.of_organization(organization), name=name)
    provider = credential.provider if credential else dataset.persona.base_model.provider
    return {
        **wanted,
        "dataset": dataset,
        "credential": credential,
        "base_model": _base_model(wanted.get("base_model"), provider) or dataset.persona.base_model,
    }


def _base_model(name: str | None, provider: str) -> BaseModel | None:
    if name is None:
        return None
    model = BaseModel.objects.filter(provider=provider, name=name).first()
    if model is None:
        raise InvalidInput(
            f"There is no base model {name!r}.",
            resolution="GET /api/base-models/ lists them.",
            code="base_model_unavailable",
            param="base_model",
        )
    return model


def _page_of(view: GenericViewSet[Any], rows: QuerySet[Any], serializer: type[serializers.Serializer[Any]]) -> Response:
    return view.get_paginated_response(serializer(view.paginate_queryset(rows), many=True).data)


class CustomModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[CustomModel]):
    """Versions of personas' own models. At most one of each persona is active; without one its base model answers."""

    serializer_class = CustomModelSerializer
    queryset = CustomModel.objects.none()
    read_scopes = (Scope.READ,)
    write_scopes = (Scope.TRAIN,)

    def get_queryset(self) -> QuerySet[CustomModel]:
        organization = organization_of(self.request)
        return CustomModel.objects.of_organization(organization).select_related(
            "persona__organization", "persona__base_model", "base_model", "organization", "training_dataset"
        )

    @extend_schema(request=ReasonSerializer, responses=ActivationResultSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Activate a version. It answers for its persona from now on."""
        model = self.get_object()
        activation = services.activate_model(
            model=model, by=acting(request), now=timezone.now(), reason=_reason(request)
        )
        return _result(services.ACTIVATED, model, activation)

    @extend_schema(request=ReasonSerializer, responses=ActivationResultSerializer)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Deactivate a version. The persona's base model answers again."""
        model = self.get_object()
        activation = services.deactivate_model(
            persona=model.persona, model=model, by=acting(request), now=timezone.now(), reason=_reason(request)
        )
        return _result(services.DEACTIVATED, model, activation)

    @extend_schema(request=None, responses={202: EvaluationSerializer})
    @action(detail=True, methods=["post"])
    def evaluate(self, request: Request, pk: str) -> Response:
        """Evaluate a version. Starts comparing it with its base model on the persona's test examples."""
        evaluation = services.start_evaluation(candidate=self.get_object(), by=acting(request), now=timezone.now())
        return Response(EvaluationSerializer(evaluation).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=EvaluationSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[])
    def evaluations(self, request: Request, pk: str) -> Response:
        """List a version's evaluations, newest first."""
        return _page_of(self, self.get_object().evaluations.prefetch_related("arms"), EvaluationSerializer)


def _reason(request: Request) -> str:
    given = ReasonSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data.get("reason", ""))


def _result(message: str, model: CustomModel, activation: Any) -> Response:
    result = {
        "message": message,
        "model": model.fine_tuned_model_id,
        "fallback": model.persona.base_model.name,
        "activated_at": activation.activated_at,
        "deactivated_at": activation.deactivated_at,
    }
    return Response(ActivationResultSerializer(result).data)
