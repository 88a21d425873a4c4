import os

from celery import shared_task

from .models import Dish


@shared_task
def cook(number):
    Dish.objects.filter(pk=number).update(cooked_by=os.getpid())
    return number


@shared_task(acks_late=True)
def wash():
    return Dish.objects.exclude(cooked_by=None).update(is_clean=True)


@shared_task
def close():
    Dish.objects.filter(is_clean=True).delete()
