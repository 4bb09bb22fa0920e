from django.urls import path

from apps.payouts import api, views

api_urls = [
    path("earnings/", api.EarningsView.as_view(), name="api_earnings"),
    path("earnings/shares/", api.SharesView.as_view(), name="api_shares"),
]

page_urls = [
    path("earnings/", views.earnings, name="earnings"),
    path("earnings/shares/<row_id:pk>/", views.share_detail, name="earnings_share"),
]
