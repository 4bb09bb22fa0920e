from rest_framework.routers import SimpleRouter

from apps.abtests import api

router = SimpleRouter()
router.register("abtests", api.ABTestViewSet, basename="abtest")

api_urls = router.urls
