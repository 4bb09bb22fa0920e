from rest_framework.routers import SimpleRouter

from apps.feedback import api

router = SimpleRouter()
router.register("feedback", api.FeedbackViewSet, basename="feedback")

api_urls = router.urls
