from django.urls import path
from dishes import views

urlpatterns = [path("", views.board), path("new/", views.new)]
