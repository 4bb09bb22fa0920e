from rest_framework.routers import SimpleRouter

from apps.custom_models import api

router = SimpleRouter()
router.register("fine-tuning-jobs", api.FineTuneJobViewSet, basename="fine-tuning-job")
router.register("custom-models", api.CustomModelViewSet, basename="custom-model")

api_urls = router.urls
