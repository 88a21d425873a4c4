from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.sites.models import Site
from django.core.cache import cache
from django.db.models import F, Func, IntegerField
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django_q.tasks import async_task

from . import tasks
from .models import Order


def board(request):
    orders = Order.objects.annotate(
        letters=Func(F("text"), function="letters", output_field=IntegerField())
    )
    seen = cache.get_or_set("seen", 0) + 1
    cache.set("seen", seen)
    return render(
        request,
        "orders/board.html",
        {"orders": orders, "seen": seen, "site": Site.objects.get_current()},
    )


def new(request):
    if request.method == "POST":
        order = Order.objects.create(text=request.POST["text"][:80])
        tasks.with_huey(order.pk)
        tasks.with_dramatiq.send(order.pk)
        async_task(tasks.note, order.pk, "django-q")
        async_to_sync(get_channel_layer().group_send)("board", {"type": "new"})
        return redirect("/")
    return render(request, "orders/new.html")


def events(request):
    return StreamingHttpResponse(["data: hello\n\n"], content_type="text/event-stream")


def anything(request, address):
    raise Http404(address)


def lost(request, exception):
    return HttpResponse("This page is not in the workshop.", status=404)


def broken(request):
    return HttpResponse("Something broke in the workshop.", status=500)
