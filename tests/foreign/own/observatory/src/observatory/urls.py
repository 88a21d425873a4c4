from django.conf.urls.i18n import i18n_patterns
from django.urls import path
from sightings.views import SightingCreate, SightingList

urlpatterns = i18n_patterns(
    path("", SightingList.as_view(), name="sightings"),
    path("new", SightingCreate.as_view(), name="sighting-new"),
)
