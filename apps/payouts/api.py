"""``/api/earnings/``: what testers earned. Money is integer micros of the currency beside it.

An API key (scope `read`) sees all testers of its organization; a signed-in person sees their own money and, as a member
of organizations, that of these organizations' testers.
"""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request

from apps.contributions.models import Contribution
from apps.organizations.models import ApiKey, OrganizationQuerySet, User
from apps.payouts.models import Share
from apps.payouts.permissions import SeesEarnings
from apps.payouts.queries import explain_share
from apps.payouts.queries.earnings import with_explanation
from apps.payouts.queries.explanations import model_name


class EarningsSerializer(serializers.ModelSerializer[Contribution]):
    organization = serializers.SlugField(source="organization.slug", read_only=True)
    tester_name = serializers.CharField(source="tester.display_name", read_only=True)
    persona = serializers.SlugField(source="persona.slug", read_only=True)

    class Meta:
        model = Contribution
        fields = [
            "organization", "tester", "tester_name", "persona", "training_tests_completed", "contribution_weight",
            "earned_micros", "currency",
        ]  # fmt: skip
        read_only_fields = fields


class ShareSerializer(serializers.ModelSerializer[Share]):
    organization = serializers.SlugField(source="tester.organization.slug", read_only=True)
    tester_name = serializers.CharField(source="tester.display_name", read_only=True)
    persona = serializers.SlugField(source="revenue_day.persona.slug", read_only=True)
    model = serializers.SerializerMethodField(help_text="The version that earned it, or that the base model did.")
    day = serializers.DateField(source="revenue_day.day", read_only=True)
    run_count = serializers.IntegerField(source="revenue_day.run_count", read_only=True)
    revenue_micros = serializers.IntegerField(source="revenue_day.revenue_micros", read_only=True)
    share_rate = serializers.DecimalField(5, 4, source="revenue_day.share_rate", read_only=True)
    pool_micros = serializers.IntegerField(source="revenue_day.pool_micros", read_only=True)
    basis = serializers.CharField(source="revenue_day.basis", read_only=True)
    rule = serializers.CharField(source="revenue_day.rule", read_only=True)
    total_weight = serializers.IntegerField(source="revenue_day.total_weight", read_only=True)
    explanation = serializers.SerializerMethodField(help_text="As the tester reads it.")

    class Meta:
        model = Share
        fields = [
            "id", "organization", "tester", "tester_name", "persona", "model", "day", "run_count", "revenue_micros",
            "share_rate", "pool_micros", "basis", "rule", "items", "weight", "total_weight", "amount_micros",
            "currency", "explanation",
        ]  # fmt: skip
        read_only_fields = fields

    def get_model(self, share: Share) -> str:
        return model_name(share.revenue_day)

    def get_explanation(self, share: Share) -> str:
        return explain_share(share)


def _visible(request: Request, rows: OrganizationQuerySet[Any]) -> QuerySet[Any]:
    if isinstance(request.auth, ApiKey):
        return rows.of_organization(request.auth.organization)
    user: Any = request.user
    if not isinstance(user, User):
        return rows.none()
    if user.is_superuser:
        return rows.all()
    return rows.visible_to(user) | rows.filter(Q(tester__user=user))


@extend_schema(summary="What each tester earned with each persona", tags=["earnings"])
class EarningsView(ListAPIView[Contribution]):
    """Totals in micros. An API key with the scope `read` sees all testers of its organization; a signed-in person sees
    their own totals and, as a member of an organization, those of its testers."""

    permission_classes = [SeesEarnings]
    serializer_class = EarningsSerializer
    queryset = Contribution.objects.none()

    def get_queryset(self) -> QuerySet[Contribution]:
        rows = Contribution.objects.select_related("organization", "tester", "persona")
        return _visible(self.request, rows)


@extend_schema(summary="Shares of revenue, one for each tester and closed day", tags=["earnings"])
class SharesView(ListAPIView[Share]):
    """What was earned on a day, the pool, the weight and the amount in micros, with the sentence that the tester reads.
    Who sees what is as for `/api/earnings/`."""

    permission_classes = [SeesEarnings]
    serializer_class = ShareSerializer
    queryset = Share.objects.none()

    def get_queryset(self) -> QuerySet[Share]:
        return with_explanation(_visible(self.request, Share.objects.all()))
