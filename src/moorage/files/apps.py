from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "moorage.files"
    label = "files"
