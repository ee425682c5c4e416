"""Leftovers: what stands above a project's head although nobody registers there, because whoever did has failed.

No reader sees it, and the next revision clears it before it begins. But there may be none for years, and its objects
would be kept as long.
"""

from uuid import uuid4

from django.db.models import Exists, OuterRef, Q

from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.registering import RightLostError, give_back
from moorage.files.taking import clear_above_head, is_held, seize
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
    right = seize(project, uuid4())
    if right is None:
        return False
    try:
        clear_above_head(right)
    except RightLostError:
        return False
    give_back(right)
    return True
