"""URLs of the project: the items, and what is optional only where it is installed."""

from django.apps import apps
from django.urls import include, path

from config.views import splash

urlpatterns = [
    path("", include("items.urls")),
    path("splash/", splash, name="splash"),
]

if apps.is_installed("tasks_demo"):
    urlpatterns.append(path("routines/", include("tasks_demo.urls")))

if apps.is_installed("django_browser_reload"):
    urlpatterns.append(path("__reload__/", include("django_browser_reload.urls")))
