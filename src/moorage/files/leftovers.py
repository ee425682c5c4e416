"""Leftovers: what stands above a project's head although nobody registers there, because whoever did has failed.

No reader sees it, and the next revision clears it before it begins. But there may be none for years, and its objects
would be kept as long.
"""

from uuid import uuid4

from django.db.models import Exists, F, OuterRef, Q

from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.registering import RegisterRight, RightLostError, clear_above_head, give_back, is_held
from moorage.projects.models import Project


def clear_leftovers() -> int:
    """Clear what is left in any project, and return in how many. Whoever wants a right to register just takes it."""
    left = Q()
    for versions in (FileVersion, DirectoryVersion):
        ours = versions.objects.filter(project=OuterRef("pk"))
        left |= Exists(ours.filter(since__gt=OuterRef("head"))) | Exists(ours.filter(until__gt=OuterRef("head")))
    return sum(_clear(project) for project in Project.objects.filter(left))


def _clear(project: Project) -> bool:
    if is_held(project):
        return False
    # The fence goes up, so that whoever held the right once, and does not know that it has failed, writes nothing more.
    nobody = uuid4()
    taken = Project.objects.filter(
        pk=project.pk,
        head=project.head,
        registering_revision=project.registering_revision,
        register_fence=project.register_fence,
    ).update(registering_revision=nobody, register_fence=F("register_fence") + 1)
    if not taken:
        return False
    right = RegisterRight(project.pk, nobody, project.register_fence + 1, project.head)
    try:
        clear_above_head(right)
    except RightLostError:
        return False
    give_back(right)
    return True
