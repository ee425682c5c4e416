"""Django's settings, made from `config.options`. What an operator may change is there, not here."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.utils import get_random_secret_key

from moorage.config.logs import logging_settings
from moorage.config.options import Options

OPTIONS = Options()


def database_settings(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a sqlite:/// or postgresql:// URL."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        name = unquote(parts.path.removeprefix("/"))
        return {
            "ENGINE": "moorage.config.sqlite3",
            "NAME": name if name.startswith("/") or not name else f"/{name}",
            "OPTIONS": {
                # A transaction that will write says so at once, instead of failing when it wants to.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            # A socket folder is written percent-encoded as the host, as libpq does.
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ValueError(f"MOORAGE_DATABASE begins with sqlite:/// or postgresql://, not {parts.scheme!r}.")


def mail_settings(url: str) -> dict[str, Any]:
    """Django's e-mail settings for an smtp:// or smtps:// URL; without one, mails become files in the data folder."""
    if not url:
        return {
            "MAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(OPTIONS.data / "mail"),
        }
    parts = urlsplit(url)
    return {
        "MAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }


# Several processes need the same key; `moorage-server web` refuses to start without one. Tools do without.
SECRET_KEY = OPTIONS.secret_key.get_secret_value() if OPTIONS.secret_key else get_random_secret_key()
DEBUG = False
_public = urlsplit(OPTIONS.public_url)
ALLOWED_HOSTS = [_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
USE_X_FORWARDED_HOST = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _public.scheme == "https" else None

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "template_partials",
    "moorage.web",  # before allauth: its pages take our templates
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "moorage.audit",
    "moorage.accounts",
    "moorage.projects",
    "moorage.files",
    "moorage.transfers",
    "moorage.importer",
    "moorage.notices",
    "moorage.jobs",
    "moorage.api",
    "moorage.config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "moorage.web.headers.HeadersMiddleware",
    "moorage.api.middleware.DocumentsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "moorage.web.limits.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "moorage.web.errors.ErrorsMiddleware",
]
ROOT_URLCONF = "moorage.config.urls"
WSGI_APPLICATION = "moorage.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "moorage.web.frame.frame",
                "moorage.web.upload_status.dashboard_uploads",
            ],
        },
    }
]

DATABASES = {"default": database_settings(OPTIONS.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.Member"
# The identities that a member has linked at Globus (globus-wire.md §2.4).
VIEW_IDENTITY_SET = "urn:globus:auth:scope:auth.globus.org:view_identity_set"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A member signs in by e-mail and password, or with Globus. An e-mail address alone links nothing (design §6).
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "moorage.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "moorage.accounts.forms.SignUpForm"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a mail says when a password or a Globus link changes
ACCOUNT_SESSION_REMEMBER = True
# Where mails become files nobody could confirm; but a domain proves nothing unless its address is confirmed.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if OPTIONS.smtp_url or OPTIONS.sign_up == "domains" else "optional"
SOCIALACCOUNT_ADAPTER = "moorage.accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "globus",
                "name": "Globus",
                "client_id": OPTIONS.globus_client_id,
                "secret": OPTIONS.globus_client_secret.get_secret_value(),
                "settings": {
                    "server_url": OPTIONS.globus_auth_url.rstrip("/"),
                    "oauth_pkce_enabled": True,
                    "scope": ["openid", "profile", "email", VIEW_IDENTITY_SET],
                },
            }
        ]
    }
}
SIGN_UP = OPTIONS.sign_up
SIGN_UP_DOMAINS = OPTIONS.sign_up_domains
GLOBUS_AUTH_URL = OPTIONS.globus_auth_url
GLOBUS_CREATE_ACCOUNT_URL = OPTIONS.globus_create_account_url
# Rate limits and allauth's short-lived state must be shared by all web processes.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

# Cookie names of our own: the local Globus may share our host name.
SESSION_COOKIE_NAME = "moorage_session"
CSRF_COOKIE_NAME = "moorage_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CSRF_FAILURE_VIEW = "moorage.web.errors.csrf_failure"
# No form of ours is longer; content never passes through a form.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
# Each ticked file is a field; how many may be chosen at once is for the rules to say, and they say so in words.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LOGGING = logging_settings(OPTIONS.log_format)
# Mails go to the outbox; the worker sends them by MAIL_BACKEND.
EMAIL_BACKEND = "moorage.notices.outbox.OutboxBackend"
_mail = mail_settings(OPTIONS.smtp_url)
MAIL_BACKEND: str = _mail["MAIL_BACKEND"]
globals().update(_mail)
DEFAULT_FROM_EMAIL = OPTIONS.mail_from
PUBLIC_URL = OPTIONS.public_url.rstrip("/")
STORE_ROOT: Path = OPTIONS.store_root
