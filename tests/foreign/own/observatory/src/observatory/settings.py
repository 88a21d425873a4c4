from pathlib import Path

from configurations import Configuration, values


class Base(Configuration):
    BASE_DIR = Path(__file__).resolve().parent.parent

    INSTALLED_APPS = (
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "sightings",
    )

    MIDDLEWARE = (
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    )

    ROOT_URLCONF = "observatory.urls"

    TEMPLATES = (
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        },
    )

    DATABASES = values.DatabaseURLValue("sqlite:///observatory.db")
    EMAIL = values.EmailURLValue("smtp://mail:25")

    LANGUAGE_CODE = "en"
    LANGUAGES = (("en", "English"), ("de", "Deutsch"))
    STATIC_URL = "assets/"
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


class Development(Base):
    DEBUG = True
    SECRET_KEY = "only here"


class Production(Base):
    DEBUG = False
    SECRET_KEY = values.SecretValue()
    ALLOWED_HOSTS = values.ListValue([], environ_required=True)
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_DOMAIN = ".observatory.example"

    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": "observatory.log", "delay": False}
        },
        "root": {"handlers": ["file"], "level": "INFO"},
    }
