from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.personas.api import PersonaViewSet

router = SimpleRouter()
router.register("personas", PersonaViewSet, basename="persona")

api_urls = [path("", include(router.urls))]
