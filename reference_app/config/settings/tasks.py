"""What the optional background-tasks demo adds to the settings. `base` decides whether it does."""

from importlib.util import find_spec

INSTALLED_APPS = ["tasks_demo", "django_tasks_db"]
if find_spec("django.tasks") is None:  # Django 5.2 LTS: the same API, from the backport
    INSTALLED_APPS.append("django_tasks")

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
