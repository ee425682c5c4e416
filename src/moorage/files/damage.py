"""Damaged objects: which projects' files they are, and which of them nobody has been told of yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q, QuerySet

from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.files.paths import join_path
from moorage.files.undo_plan import in_chunks
from moorage.files.ways import folder_paths

NAMED_PATHS: Final = 10
TOLD_TOGETHER: Final = timedelta(hours=1)  # a disk that dies is told in one notice, not in thousands
TOLD_AT_ONCE: Final = 5000


@dataclass
class ProjectDamage:
    """What damage has done to one project. `files` are those of its newest revision, `earlier` versions before it."""

    project_id: UUID
    files: int = 0
    earlier: int = 0
    paths: list[str] = field(default_factory=list)  # some of the files


def untold_damage(*, at: datetime) -> list[StoredObject]:
    """Damaged objects whose damage nobody was told of.

    None when something was told within the last hour: what follows is told together.
    """
    damaged = StoredObject.objects.filter(state=ObjectState.DAMAGED)
    if damaged.filter(damage_told_at__gt=at - TOLD_TOGETHER, damage_told_at__lte=at).exists():
        return []
    return list(damaged.filter(damage_told_at__isnull=True).order_by("pk")[:TOLD_AT_ONCE])


def claim_untold(untold: Sequence[StoredObject], *, at: datetime) -> bool:
    """From now on these count as told. Call it in the transaction that tells, and roll that back if it is False:
    somebody else has told of some, or one is whole again.
    """
    claimed = 0
    for chunk in in_chunks([stored.pk for stored in untold]):
        damaged = StoredObject.objects.filter(pk__in=chunk, state=ObjectState.DAMAGED, damage_told_at__isnull=True)
        claimed += damaged.update(damage_told_at=at)
    return claimed == len(untold)


def damage_by_project(stored: Iterable[StoredObject]) -> list[ProjectDamage]:
    """Whose published files these objects are, and which."""
    found: dict[UUID, ProjectDamage] = {}
    for chunk in in_chunks(sorted(row.pk for row in stored)):
        published = FileVersion.objects.filter(stored_object__in=chunk, since__lte=F("project__head"))
        is_newest = Q(until__isnull=True) | Q(until__gt=F("project__head"))
        for project_id, directory, name in _places(published.filter(is_newest)):
            damage = found.setdefault(project_id, ProjectDamage(project_id))
            damage.files += 1
            if len(damage.paths) < NAMED_PATHS:
                damage.paths.append(join_path(folder_paths({directory})[directory], name))
        for project_id, _, _ in _places(published.exclude(is_newest)):
            found.setdefault(project_id, ProjectDamage(project_id)).earlier += 1
    return list(found.values())


def _places(versions: QuerySet[FileVersion]) -> Iterable[tuple[UUID, int, str]]:
    return versions.order_by("pk").values_list("project_id", "directory_id", "name").iterator()
