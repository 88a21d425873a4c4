from django.urls import path

from tasks_demo import views

app_name = "tasks_demo"
urlpatterns = [
    path("", views.routine_list, name="list"),
    path("rows/", views.routine_rows, name="rows"),
    path("start/", views.start_routine, name="start"),
]
