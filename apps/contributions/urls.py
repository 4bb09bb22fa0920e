from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from apps.contributions import views
from apps.contributions.api import (
    ExampleViewSet,
    RandomReferenceAnswer,
    ReferenceAnswers,
    StatisticsView,
    UploadViewSet,
)
from apps.contributions.views.own_data import own_data_download, own_data_home, own_data_page

router = SimpleRouter()
router.register("examples", ExampleViewSet, basename="example")
router.register("uploads", UploadViewSet, basename="upload")

REFERENCES = "personas/<slug:slug>/reference-answers/"

api_urls: list[URLPattern | URLResolver] = [
    path(REFERENCES, ReferenceAnswers.as_view(), name="reference-answers"),
    path(f"{REFERENCES}random/", RandomReferenceAnswer.as_view(), name="random-reference-answer"),
    path("stats/", StatisticsView.as_view(), name="stats"),
    path("", include(router.urls)),
]

ITEM = "review/<slug:organization>/<slug:persona>/<row_id:example>/"

page_urls = [
    path("your-data/", own_data_home, name="own_data_home"),
    path("your-data/<slug:organization>/", own_data_page, name="own_data"),
    path("your-data/<slug:organization>/download/", own_data_download, name="own_data_download"),
    path("review/", views.review_home, name="review_home"),
    path("review/<slug:organization>/", views.review_consent, name="review_consent"),
    path("review/<slug:organization>/<slug:persona>/", views.review_desk, name="review_desk"),
    path(ITEM, views.review_label, name="review_label"),
    path(f"{ITEM}diff/", views.review_diff, name="review_diff"),
    path(f"{ITEM}report/", views.review_report, name="review_report"),
    path(f"{ITEM}skip/", views.review_skip, name="review_skip"),
    path(f"{ITEM}undo/", views.review_undo, name="review_undo"),
]
