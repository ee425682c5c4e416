from django.apps import AppConfig


class ImporterConfig(AppConfig):
    name = "moorage.importer"
    label = "importer"
