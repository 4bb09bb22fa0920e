from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.contributions import views
from apps.contributions.api import ExampleViewSet

router = SimpleRouter()
router.register("examples", ExampleViewSet, basename="example")

api_urls = [path("", include(router.urls))]

page_urls = [
    path("review/", views.review_home, name="review_home"),
    path("review/<slug:organization>/", views.review_consent, name="review_consent"),
    path("review/<slug:organization>/<slug:persona>/", views.review_desk, name="review_desk"),
    path("review/<slug:organization>/<slug:persona>/<row_id:example>/", views.review_label, name="review_label"),
    path("review/<slug:organization>/<slug:persona>/<row_id:example>/skip/", views.review_skip, name="review_skip"),
]
