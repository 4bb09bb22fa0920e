from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from apps.chat.api import conversations, gateway, runs

router = SimpleRouter()
router.register("conversations", conversations.ConversationViewSet, basename="conversation")

api_urls = [
    path("personas/<slug:slug>/runs/", runs.RunView.as_view(), name="run-task"),
    path(
        "conversations/<row_id:pk>/responses/",
        conversations.ConversationResponses.as_view(),
        name="conversation-responses",
    ),
    *router.urls,
]
v1_urls = [
    path("chat/completions", gateway.ChatCompletions.as_view(), name="chat-completions"),
    path("models", gateway.Models.as_view(), name="gateway-models"),
    path("models/<path:model>", gateway.Model.as_view(), name="gateway-model"),
    re_path(r"^.*$", gateway.UnknownEndpoint.as_view(), name="gateway-unknown"),
]
