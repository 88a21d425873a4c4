from dishes import views
from django.urls import path

urlpatterns = [path("", views.board), path("new/", views.new)]
