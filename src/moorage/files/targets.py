"""Whether an import's files could go to the folder that was chosen for them, as the project stands now."""

from collections.abc import Iterator
from uuid import UUID

from moorage.files.choosing import InvalidChoiceError, checked_choices
from moorage.files.paths import parent_path
from moorage.files.standing import StandingFile, standing_at
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project


def check_target(project_id: UUID, choices: ImportChoices) -> None:
    """Raise the reason why no folder can be where the choices want one. A file may come there later all the same.

    Raises:
        InvalidChoiceError: the target, or what should be a folder above it, is a file of the project.
    """
    target = checked_choices(choices).target
    if not target:
        return
    head = Project.objects.values_list("head", flat=True).get(pk=project_id)
    for path, standing in standing_at(project_id, _way_to(target), view=head).items():
        if isinstance(standing, StandingFile):
            there = "a file there" if path == target else f"a file at “{path}”"
            raise InvalidChoiceError(
                f"The files cannot go to “{target}”: the project has {there}. Choose another folder.", field="target"
            )


def _way_to(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = parent_path(folder)
