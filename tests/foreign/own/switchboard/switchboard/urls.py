from calls import views
from django.urls import path

urlpatterns = [
    path("", views.room),
    path("new/", views.new),
    path("events/", views.events),
]
