"""Database columns whose comparison is the same on every database: names byte for byte, digests as hex."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:  # Django's fields take no type arguments at run time
    TextColumn = models.CharField[str, str]
else:
    TextColumn = models.CharField


class NameField(TextColumn):
    """A file or folder name: at most 255 characters, compared byte for byte (collation C on PostgreSQL)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 255)
        super().__init__(*args, **kwargs)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, str | None]:
        parameters = super().db_parameters(connection)
        # SQLite compares bytes by itself and knows no collation of this name.
        parameters["collation"] = "C" if connection.vendor == "postgresql" else None
        return parameters


class DigestField(NameField):
    """A SHA-256 in 64 lower-case hex digits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 64
        super().__init__(*args, **kwargs)
