import dramatiq
from huey.contrib.djhuey import task

from .models import Order


def note(number, who):
    order = Order.objects.get(pk=number)
    order.done_by = f"{order.done_by} {who}".strip()
    order.save()


@task()
def with_huey(number):
    note(number, "huey")


@dramatiq.actor
def with_dramatiq(number):
    note(number, "dramatiq")
