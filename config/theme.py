"""How the admin looks."""

from typing import Any

from django.templatetags.static import static

from config.navigation import navigation

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Flywheel",
    "SITE_HEADER": "Flywheel",
    "SITE_SYMBOL": "cycle",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("flywheel/logo.svg")}],
    "STYLES": [lambda _request: static("flywheel/admin.css")],
    "SIDEBAR": {"show_search": True, "navigation": navigation()},
    "COLORS": {
        "primary": {  # the accent of static/flywheel/flywheel.css, lighter and darker
            "50": "oklch(97.5% .015 55)",
            "100": "oklch(94.5% .035 54)",
            "200": "oklch(88.5% .065 51)",
            "300": "oklch(81% .1 48)",
            "400": "oklch(71% .13 45)",
            "500": "oklch(60% .15 43)",
            "600": "oklch(48.5% .143 42)",
            "700": "oklch(42% .125 40)",
            "800": "oklch(36% .1 39)",
            "900": "oklch(31% .08 38)",
            "950": "oklch(22% .06 38)",
        }
    },
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "apps.payouts.views.dashboard",
}
