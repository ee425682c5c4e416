"""The families of failure. What a person or a script can do next decides the family.

Each error has a stable dotted `code`, a sentence that ends with the next step, and its data as
attributes. Which HTTP status or exit status a family has is known at the edges only
(`web.errors`, `api.errors`).
"""

from typing import ClassVar


class MoorageError(Exception):
    """An anticipated failure, told to the member. Anything else is a bug."""

    code: ClassVar[str] = "moorage.error"

    def data(self) -> dict[str, object]:
        """What a page or script may read instead of the sentence: the public attributes."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class NotPermittedError(MoorageError):
    """Asking again will not help."""

    code = "not_permitted"


class NotFoundError(MoorageError):
    """Not there, or not for you: which of the two is not said."""

    code = "not_found"


class ConflictError(MoorageError):
    """Fine in another state."""

    code = "conflict"


class InvalidInputError(MoorageError):
    """Wrong in every state. `field` names the input where there is one."""

    code = "invalid_input"

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class QuotaExceededError(MoorageError):
    """No room."""

    code = "no_room"


class UnavailableError(MoorageError):
    """Something outside is down; asking again later may help."""

    code = "unavailable"
    retry_after_seconds: int = 30


class CorruptContentError(MoorageError):
    """Bytes are not what we recorded."""

    code = "corrupt_content"
