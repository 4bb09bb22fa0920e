"""The one settings file. Every value comes from the environment by a typed reader; a wrong one stops the start."""

import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.urls import reverse_lazy

from config import theme

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)

django_stubs_ext.monkeypatch()

env = environ.Env()
TESTING = "pytest" in sys.modules
if TESTING:  # what a shell or a file sets is not what is tested: only the database can be chosen
    env.ENVIRON = {name: os.environ[name] for name in ("DATABASE_URL", "TEST_SQLITE") if name in os.environ}
elif (env_file := Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))).exists():
    env.read_env(env_file)

# --- who we are ---------------------------------------------------------------------------------------------------

# Unsaid, this is one person's own machine: it needs no secrets of its own, and shows our error pages. True is for who
# works on the code: Django's error pages. False is a server for others, which starts only with secrets of its own.
DEBUG: bool = env.bool("DEBUG", default=False)
PRODUCTION = not env.bool("DEBUG", default=True)
INSECURE_SECRET_KEY = "insecure-development-key-that-production-refuses-to-start-with"
SECRET_KEY: str = env.str("SECRET_KEY", default=INSECURE_SECRET_KEY)
# Earlier ones, newest first: sessions, signatures and credentials made with them still read.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# The in-process provider calls our own WSGI application under this name; it resolves nowhere else.
EMBEDDED_HOST = "trainer.localhost"
ALLOWED_HOSTS: list[str] = [*env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]), EMBEDDED_HOST]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Fernet keys, newest first; payload columns are encrypted when at least one is set.
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS", default=[])
# Keys the content hashes; changing it makes old duplicates unrecognisable, so it outlives SECRET_KEY rotations.
CONTENT_HASH_KEY: str = env.str("CONTENT_HASH_KEY", default=SECRET_KEY)

# --- the provider every organization falls back to ------------------------------------------------------------------

OPENAI_API_KEY: str = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL: str = env.str("OPENAI_BASE_URL", default="")  # both empty: the trainer, in process

# --- operations -----------------------------------------------------------------------------------------------------

METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")  # bearer token of /metrics; empty: closed in production

# --- applications ---------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "apps.common",
    "apps.organizations",
    "apps.providers",
    "apps.personas",
    "apps.contributions",
    "apps.datasets",
    "apps.custom_models",
    "apps.abtests",
    "apps.chat",
    "apps.feedback",
    "apps.payouts",
    "apps.trainer",
]

MIDDLEWARE = [
    "apps.common.middleware.RequestIdMiddleware",
    "apps.common.middleware.BehindProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.common.middleware.UsableAddressMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it turns a lock-out into its answer
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database ---------------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'flywheel.sqlite3'}"),
}
DATABASES["default"]["ATOMIC_REQUESTS"] = False  # no transaction is ever held across a model call
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # writers queue up instead of failing with "database is locked"
        "timeout": 20,
        # FULL, because NORMAL can lose the last commits on power loss and this database holds money.
        # secure_delete, because what people take back must not lie on in free pages of the file.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; "
        "PRAGMA secure_delete=ON;",
    }
    # Tests with threads or a live server need a file: an in-memory database cannot be shared the way WAL can.
    DATABASES["default"]["TEST"] = {"NAME": env.str("TEST_SQLITE", default=str(VAR_DIR / "test.sqlite3"))}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: counts failures and locks out
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/review/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "apps.organizations.accounts.InvitationOnlyAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_VERIFICATION = "none"  # the code that signs a person in has just proved the address
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 1  # hours; the page below says so
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# As Django's form calls it. The default, the user model's own field, is found in no form: nobody would be locked out.
AXES_USERNAME_FORM_FIELD = "username"
AXES_RESET_ON_SUCCESS = True

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="Flywheel <flywheel@localhost>")

# --- the queue --------------------------------------------------------------------------------------------------------

Q_BROKER_URL: str = env.str("Q_BROKER_URL", default="")  # empty: the database, a transactional outbox for free
Q_CLUSTER: dict[str, Any] = {
    "name": "flywheel",
    "workers": env.int("Q_WORKERS", default=2),
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 600,
    "retry": 3600,  # more than timeout x (1 + ceil((queue_limit + 1) / workers)): the clock starts at the pull
    "max_attempts": 3,
    "ack_failures": False,
    "catch_up": False,
    "save_limit": 1000,
    "recycle": 100,
    "poll": env.float("Q_POLL_SECONDS", default=1.0),
    "label": "Queue",
    **({"redis": Q_BROKER_URL} if Q_BROKER_URL else {"orm": "default"}),
}

# --- API --------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.organizations.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.organizations.permissions.InOrganization"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.SafeJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.common.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "apps.common.schema.WordsForCallers",
    "EXCEPTION_HANDLER": "apps.common.api.render_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flywheel",
    "VERSION": "0.1.0",
    "DESCRIPTION": "People's verified answers train models; the models earn; the people who taught them are paid.",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "SCHEMA_PATH_PREFIX": r"/(api|v1)",
    "ENUM_NAME_OVERRIDES": {  # choice sets that several fields share, or whose field is called like another's
        "Currency": "apps.organizations.enums.Currency",
        "ExampleKind": "apps.contributions.enums.ExampleKind",
        "ExampleStatus": "apps.contributions.enums.ExampleStatus",
        "UploadStatus": "apps.contributions.enums.UploadStatus",
        "DatasetStatus": "apps.datasets.enums.DatasetStatus",
        "JobStatus": "apps.custom_models.enums.JobStatus",
        "ModelStatus": "apps.custom_models.enums.ModelStatus",
        "ABTestStatus": "apps.abtests.enums.ABTestStatus",
        "ResponseKind": "apps.chat.enums.ResponseKind",
        "ResponseStatus": "apps.chat.enums.ResponseStatus",
    },
    "PREPROCESSING_HOOKS": ["apps.common.schema.only_our_api"],
}

# --- pages ------------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "apps.common.crypto.storage.SealedStorage",  # uploads and training files, as the columns are
        "OPTIONS": {
            "location": env.path("MEDIA_ROOT", default=str(VAR_DIR / "media")),
            "file_permissions_mode": 0o600,  # training files are for the server alone
        },
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION  # without collectstatic
WHITENOISE_AUTOREFRESH = DEBUG or TESTING  # looks for a file when it is asked for, instead of for all at the start
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
# HTTPS only, where others are served; one's own machine is reached by plain HTTP.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # probes come from inside, by plain HTTP
BEHIND_PROXY: bool = env.bool("BEHIND_PROXY", default=False)  # one, which ends HTTPS and says who called
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION

UNFOLD = theme.UNFOLD

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"httpx2": {"level": "WARNING"}, "django-q": {"level": "WARNING"}, "axes": {"level": "WARNING"}},
}

if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
