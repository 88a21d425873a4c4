import asyncio

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.http import StreamingHttpResponse
from django.shortcuts import redirect, render

from .models import Call


def room(request):
    return render(request, "calls/room.html", {"calls": Call.objects.all()})


def new(request):
    """The same without a websocket: who listens hears it."""
    if request.method == "POST":
        call = Call.objects.create(text=request.POST["text"][:80])
        async_to_sync(get_channel_layer().group_send)("room", {"type": "said", "text": call.text})
        return redirect("/")
    return render(request, "calls/new.html")


async def events(request):
    async def stream():
        seen = -1
        while True:
            if (count := await database_sync_to_async(Call.objects.count)()) != seen:
                seen = count
                yield f"data: {seen}\n\n"
            await asyncio.sleep(0.2)

    return StreamingHttpResponse(stream(), content_type="text/event-stream")
