from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "moorage.projects"
    label = "projects"
