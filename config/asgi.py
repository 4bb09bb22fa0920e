"""The ASGI application, for hosts that want one; gunicorn's threads and config.wsgi are the measured choice."""

import os

from django.core.asgi import get_asgi_application

from apps.common.checks import refuse_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
refuse_errors()
