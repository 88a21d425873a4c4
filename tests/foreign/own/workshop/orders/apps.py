from django.apps import AppConfig
from django.db.models.signals import post_migrate


def first_order(sender, **kwargs):
    from .models import Order

    Order.objects.get_or_create(text="Sweep the floor")


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self):
        post_migrate.connect(first_order, sender=self)
