from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, WebsocketConsumer

from .models import Call


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """What one says reaches all, and is kept."""

    async def connect(self):
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard("room", self.channel_name)
        await database_sync_to_async(Call.objects.create)(text=f"left with {code}")

    async def receive_json(self, content):
        call = await database_sync_to_async(Call.objects.create)(text=content["text"])
        await self.channel_layer.group_send("room", {"type": "said", "text": call.text})

    async def said(self, event):
        await self.send_json({"text": event["text"]})


class EchoConsumer(WebsocketConsumer):
    """The synchronous kind."""

    def connect(self):
        async_to_sync(self.channel_layer.group_add)("room", self.channel_name)
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=f"{text_data} ({Call.objects.count()} calls)")

    def said(self, event):
        self.send(text_data=f"said: {event['text']}")
