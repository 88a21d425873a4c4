from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import Count, QuerySet
from django.urls import reverse_lazy
from django.views.generic import CreateView, DeleteView, ListView, UpdateView

from items.forms import ItemForm
from items.models import Item


class ItemListView(ListView):
    """All items, or those of one status with `?status=`; an unknown status shows all."""

    model = Item
    paginate_by = 50

    def get_queryset(self) -> QuerySet[Item]:
        items = super().get_queryset()
        return items.filter(status=self.status) if self.status else items

    @property
    def status(self) -> str:
        status = self.request.GET.get("status", "")
        return status if status in Item.Status.values else ""

    def get_context_data(self, **kwargs) -> dict:
        counts = dict(Item.objects.order_by().values_list("status").annotate(Count("pk")))
        return super().get_context_data(
            **kwargs,
            status=self.status,
            total=sum(counts.values()),
            counts=[(status, counts.get(status, 0)) for status in Item.Status.values],
        )


class ItemCreateView(SuccessMessageMixin, CreateView):
    model = Item
    form_class = ItemForm
    success_url = reverse_lazy("items:list")
    success_message = "%(title)s was added."


class ItemEditView(SuccessMessageMixin, UpdateView):
    model = Item
    form_class = ItemForm
    success_url = reverse_lazy("items:list")
    success_message = "%(title)s was saved."


class ItemDeleteView(SuccessMessageMixin, DeleteView):
    """Deletes at once: the page asked for confirmation in its own dialog."""

    model = Item
    http_method_names = ["post"]
    success_url = reverse_lazy("items:list")

    def get_success_message(self, cleaned_data: dict) -> str:
        return f"{self.object.title} was removed."
