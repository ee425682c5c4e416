from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "moorage.jobs"
    label = "jobs"
