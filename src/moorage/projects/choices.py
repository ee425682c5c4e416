"""What a member chose for an import of her upload. Pure.

What a project prefers where she chose nothing is in the project's row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from django.db.models import TextChoices

DOUBTFUL: Final = "doubtful"
SKIPPED: Final = "skipped"
INCLUDABLE: Final = (DOUBTFUL, SKIPPED)


class OnConflict(TextChoices):
    """What becomes of a staged file where the project has another one of its name."""

    VERSION = "version", "Make a new version"
    SKIP = "skip", "Keep the project's file"
    FAIL = "fail", "Import nothing"


@dataclass(frozen=True)
class ImportDefaults:
    """What a project prefers where a member chose nothing. An import keeps to what it was when it began."""

    on_conflict: str = OnConflict.VERSION.value
    ignore_rules: str = ""


@dataclass(frozen=True)
class ImportChoices:
    """One import's choices. `on_conflict` is empty where the project's default counts, `paths` where everything
    is imported; a folder stands for all that it holds. `target` is a folder of the project, empty at the top.
    """

    on_conflict: str = ""
    target: str = ""
    paths: tuple[str, ...] = ()
    include: tuple[str, ...] = ()

    @property
    def include_doubtful(self) -> bool:
        return DOUBTFUL in self.include

    @property
    def include_skipped(self) -> bool:
        return SKIPPED in self.include

    def as_json(self) -> dict[str, Any]:
        """What a row keeps of them."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The choices that `as_json` has written."""
        return cls(
            on_conflict=kept.get("on_conflict", ""),
            target=kept.get("target", ""),
            paths=tuple(kept.get("paths", ())),
            include=tuple(kept.get("include", ())),
        )
