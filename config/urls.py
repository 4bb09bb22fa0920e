"""Where everything is. Each app offers its lists; nothing is mounted anywhere else."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.abtests.urls import api_urls as abtests_api
from apps.chat.urls import api_urls as chat_api
from apps.chat.urls import v1_urls as gateway
from apps.common.urls import page_urls as operation_pages
from apps.contributions.urls import api_urls as contributions_api
from apps.contributions.urls import page_urls as review_pages
from apps.custom_models.urls import api_urls as custom_models_api
from apps.datasets.urls import api_urls as datasets_api
from apps.feedback.urls import api_urls as feedback_api
from apps.organizations.urls import account_urls
from apps.payouts.urls import api_urls as payouts_api
from apps.payouts.urls import page_urls as earnings_pages
from apps.personas.urls import api_urls as personas_api
from apps.providers.urls import api_urls as providers_api

api = [
    *providers_api,
    *personas_api,
    *contributions_api,
    *datasets_api,
    *custom_models_api,
    *abtests_api,
    *chat_api,
    *feedback_api,
    *payouts_api,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]

urlpatterns = [
    path("", TemplateView.as_view(template_name="landing.html"), name="landing"),
    path("", include(review_pages)),
    path("", include(earnings_pages)),
    path("", include(operation_pages)),
    path("accounts/", include(account_urls)),
    path("admin/", admin.site.urls),
    path("api/", include(api)),
    path("v1/", include(gateway)),
    path("trainer/v1/", include("apps.trainer.urls")),
]

handler404 = "apps.common.error_pages.page_not_found"
handler500 = "apps.common.error_pages.server_error"
