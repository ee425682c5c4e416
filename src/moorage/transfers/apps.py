from django.apps import AppConfig


class TransfersConfig(AppConfig):
    name = "moorage.transfers"
    label = "transfers"
