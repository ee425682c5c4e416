from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "moorage.api"
    label = "api"
