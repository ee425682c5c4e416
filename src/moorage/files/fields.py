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
    """A digest as text. Only the first migrations name it: today's columns are `DigestBytesField`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 64
        super().__init__(*args, **kwargs)


if TYPE_CHECKING:
    BytesColumn = models.BinaryField[str, str]
else:
    BytesColumn = models.BinaryField


class DigestBytesField(BytesColumn):
    """A SHA-256: 64 lower-case hex digits to us, 32 bytes in the database, where half the size is half the index."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 32
        super().__init__(*args, **kwargs)

    def _check_str_default_value(self) -> list[Any]:
        return []  # ours is text on this side

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_default(self) -> str:
        return ""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else bytes(value).hex()

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:  # noqa: ARG002
        return None if value is None else bytes(value).hex()

    def get_prep_value(self, value: Any) -> Any:
        return bytes.fromhex(value) if isinstance(value, str) else super().get_prep_value(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))
