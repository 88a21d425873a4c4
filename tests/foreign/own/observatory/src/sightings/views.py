from django.urls import reverse_lazy
from django.views.generic import CreateView, ListView

from .models import Sighting


class SightingList(ListView):
    model = Sighting


class SightingCreate(CreateView):
    model = Sighting
    fields = "__all__"
    success_url = reverse_lazy("sightings")
