import hmac

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from apps.common import metrics
from apps.common.health import inspect_readiness


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """This process answers. It asks nothing else, so that a database pause does not make anyone restart it."""
    return JsonResponse({"ok": True})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    readiness = inspect_readiness(now=timezone.now())
    return JsonResponse(readiness, status=200 if readiness["ok"] else 503)


@require_safe
@never_cache
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Open on one's own machine; in production only with ``Authorization: Bearer <METRICS_TOKEN>``."""
    if settings.PRODUCTION or settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not settings.METRICS_TOKEN or not hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode()):
            raise PermissionDenied
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
