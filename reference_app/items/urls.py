from django.urls import path

from items import views

app_name = "items"
urlpatterns = [
    path("", views.ItemListView.as_view(), name="list"),
    path("items/new/", views.ItemCreateView.as_view(), name="create"),
    path("items/<int:pk>/", views.ItemEditView.as_view(), name="edit"),
    path("items/<int:pk>/delete/", views.ItemDeleteView.as_view(), name="delete"),
]
