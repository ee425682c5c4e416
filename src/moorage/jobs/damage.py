"""Telling the owners of projects that stored bytes of their files are damaged."""

from datetime import datetime

from django.db import transaction

from moorage.files.damage import ProjectDamage, claim_untold, damage_by_project, untold_damage
from moorage.jobs.addresses import files_path
from moorage.notices.telling import tell
from moorage.projects.models import Membership, Project, Role


def tell_of_damage(*, at: datetime) -> int:
    """Tell what nobody was told of yet; returns how many objects that concerns. Call it again and again.

    The first damage is told at once, what follows within the hour together. Both the row's mark and the notices are
    written, or neither: whatever dies, it is told once.
    """
    untold = untold_damage(at=at)
    if not untold:
        return 0
    found = damage_by_project(untold)
    projects = Project.objects.in_bulk([damage.project_id for damage in found])
    with transaction.atomic():
        if not claim_untold(untold, at=at):
            transaction.set_rollback(True)
            return 0
        for damage in found:
            _tell_owners(projects[damage.project_id], damage, at=at)
    return len(untold)


def _tell_owners(project: Project, damage: ProjectDamage, *, at: datetime) -> None:
    what = _what(damage)
    path = files_path(project)
    for owner in Membership.objects.filter(project=project, role=Role.OWNER).select_related("member"):
        tell(
            owner.member,
            kind="object.damaged",
            subject=f"Damaged in {project.name}: {what}",
            text=f"The stored bytes of {what} of {project.name} are no longer what was imported, so they are not given "
            "out. Tell the operator, who can bring them back from a backup. Importing the same bytes again mends "
            f"them too.{_named(damage)}",
            path=path,
            at=at,
        )


def _what(damage: ProjectDamage) -> str:
    files = "1 file" if damage.files == 1 else f"{damage.files:,} files"
    earlier = "1 earlier version" if damage.earlier == 1 else f"{damage.earlier:,} earlier versions"
    return " and ".join(part for part, count in ((files, damage.files), (earlier, damage.earlier)) if count)


def _named(damage: ProjectDamage) -> str:
    more = damage.files - len(damage.paths)
    rest = f"\n- and {more:,} more" if more else ""
    return "".join(f"\n- {path}" for path in damage.paths) + rest
