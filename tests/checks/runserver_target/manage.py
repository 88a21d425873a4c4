"""A project in one file, started by runserver: what many first attempts look like."""

import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.http import HttpResponse
from django.urls import path

settings.configure(
    DEBUG=True,
    SECRET_KEY="django-insecure-change-me",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(__file__).parent / "db.sqlite3",
        }
    },
)
urlpatterns = [path("", lambda request: HttpResponse("<h1>It runs</h1>"))]

if __name__ == "__main__":
    if sys.argv[1:2] == ["runserver"]:
        import django

        django.setup()
        call_command("migrate", verbosity=0)
    execute_from_command_line(sys.argv)
