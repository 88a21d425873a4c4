from django.urls import path

from .consumers import EchoConsumer, RoomConsumer

websocket_urlpatterns = [
    path("ws/room/", RoomConsumer.as_asgi()),
    path("ws/echo/", EchoConsumer.as_asgi()),
]
