"""Names of uploads and downloads, and the readable but unguessable name of an upload's staging area."""

import base64
import posixpath
import re
import secrets
import unicodedata
from typing import Final

from moorage.errors import InvalidInputError
from moorage.globus.service import CollectionPath
from moorage.projects.texts import many_lines, one_line

NAME_LIMIT: Final = 200
DESCRIPTION_LIMIT: Final = 10_000
SLUG_LIMIT: Final = 40
RANDOM_BYTES: Final = 10  # 80 bits: sixteen letters of base 32

_AREA_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[a-z2-7]{16}")


class UploadNameError(InvalidInputError):
    code = "upload.name"


class UploadDescriptionError(InvalidInputError):
    code = "upload.description"


class DownloadNameError(InvalidInputError):
    code = "download.name"


def clean_name(text: str, *, of: str = "An upload", error: type[InvalidInputError] = UploadNameError) -> str:
    """A name on one line, without control characters.

    Raises:
        UploadNameError, or another `error`: nothing is left, or it is longer than NAME_LIMIT characters.
    """
    name = one_line(text)
    if not name:
        raise error(f"{of} needs a name, so that you can tell it from others. Type one.", field="name")
    if len(name) > NAME_LIMIT:
        raise error(
            f"The name has {len(name)} characters; {NAME_LIMIT} are possible. Shorten it, and use the description.",
            field="name",
        )
    return name


def clean_description(text: str) -> str:
    """The description, lines kept, without characters that no database keeps.

    Raises:
        UploadDescriptionError: it is longer than DESCRIPTION_LIMIT characters.
    """
    kept = many_lines(text)
    if len(kept) > DESCRIPTION_LIMIT:
        raise UploadDescriptionError(
            f"The description has {len(kept)} characters; {DESCRIPTION_LIMIT:,} are possible. Shorten it.",
            field="description",
        )
    return kept


def area_name(*, project_name: str, upload_name: str) -> str:
    """A new name for a staging area: two readable parts, and 80 random bits that nobody guesses."""
    return f"{slug(project_name) or 'project'}-{slug(upload_name) or 'upload'}-{unguessable()}"


def unguessable() -> str:
    """The part of a folder's name that nobody guesses: sixteen letters and digits."""
    return base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode("ascii").lower()


def looks_like_area(name: str) -> bool:
    """Whether a folder's name could be one that `area_name` made."""
    return _AREA_NAME.fullmatch(name) is not None


def area_path(name: str) -> CollectionPath:
    """Where a staging area is on the collection."""
    return CollectionPath(f"/{name}/")


def is_within(path: str, area: str) -> bool:
    """Whether a path on the collection is the area itself, or lies in it."""
    plain = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{plain}/".startswith(area)


def slug(text: str) -> str:
    """The letters and digits of a name as part of a folder's name; empty if there are none in ASCII."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:SLUG_LIMIT].strip("-")
