"""The API's documents of downloads through Globus, by the names of its contract."""

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime

from moorage.api.bodies import Body, Flag, Number
from moorage.api.schemas import PersonOut


class DownloadIn(Body):
    """What is asked for. Without `paths` it is the whole project, without `revision` the newest.

    `filter` are patterns such as `*.tif`, separated by commas. With `verify_first` every byte is read again before
    the download is ready.
    """

    name: str
    description: str = ""
    paths: list[str] = []
    filter: str = ""
    revision: Number | None = None
    verify_first: Flag = False


class DownloadChanges(Body):
    """Until when the download is kept; left out: as long from now as a new one."""

    expires_at: AwareDatetime | None = None


class DownloadGlobusOut(Schema):
    """Where the files are. `path`, `url` and `sign_in_as` are for who asked, while the download lives.

    `url` comes with `ready`, as soon as the access rule stands.
    """

    collection_id: UUID
    path: str | None
    url: str | None
    activity_url: str
    sign_in_as: str | None


class DownloadOut(Schema):
    """A download. `files_total` and `bytes_total` are 0 where a filter leaves them to be found out.

    `digests_name` is what the list of digests is called in the folder, empty before it is there.
    """

    id: UUID
    project: UUID
    name: str
    description: str
    state: str
    state_text: str
    reason: str
    files_total: int
    bytes_total: int
    files_done: int
    revision: int
    paths: list[str]
    filter: str
    verify_first: bool
    damaged_paths: list[str]
    digests_name: str
    by: PersonOut
    globus: DownloadGlobusOut
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime
