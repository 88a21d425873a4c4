from pathlib import Path

from celery.schedules import crontab

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "not the one of the server"
DEBUG = False
ALLOWED_HOSTS = ["kitchen.example"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "dishes",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "kitchen.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
USE_TZ = True

CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_ROUTES = {"dishes.tasks.wash": {"queue": "sink"}}
CELERY_BEAT_SCHEDULE = {
    "wash": {"task": "dishes.tasks.wash", "schedule": 30.0},
    "close": {"task": "dishes.tasks.close", "schedule": crontab(hour=22, minute=30)},
}
