from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "moorage.notices"
    label = "notices"
