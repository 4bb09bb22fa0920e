from rest_framework.routers import SimpleRouter

from apps.datasets import api

router = SimpleRouter()
router.register("datasets", api.DatasetViewSet, basename="dataset")

api_urls = router.urls
