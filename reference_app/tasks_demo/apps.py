from django.apps import AppConfig


class TasksDemoConfig(AppConfig):
    name = "tasks_demo"
