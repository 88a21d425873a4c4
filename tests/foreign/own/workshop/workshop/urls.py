from django.contrib import admin
from django.urls import path, re_path
from orders import views

handler404 = "orders.views.lost"
handler500 = "orders.views.broken"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.board),
    path("new/", views.new),
    path("events/", views.events),
    re_path("^(?P<address>.*)$", views.anything),
]
