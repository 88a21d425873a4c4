from django.urls import reverse_lazy
from django.views.generic import CreateView, ListView

from .models import Visit


class VisitList(ListView):
    model = Visit


class VisitCreate(CreateView):
    model = Visit
    fields = ["guest", "note"]
    success_url = reverse_lazy("visits")

    def form_valid(self, form):
        form.instance.host = self.request.user
        return super().form_valid(form)
