"""The WSGI application: what gunicorn serves, and what the in-process provider calls."""

import os

from django.core.wsgi import get_wsgi_application

from apps.common.checks import refuse_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
refuse_errors()
