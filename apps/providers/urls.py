from rest_framework.routers import SimpleRouter

from apps.providers import api

router = SimpleRouter()
router.register("base-models", api.BaseModelViewSet, basename="base-model")

api_urls = router.urls
