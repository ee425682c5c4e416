"""Links into the Globus web app: the file manager at a path, a task's activity. Nothing is asked of Globus here."""

from dataclasses import dataclass
from urllib.parse import urlencode

from moorage.globus.service import CollectionId, CollectionPath, TaskId


@dataclass(frozen=True)
class GlobusLinks:
    """Builds links below the web app's base URL (app.globus.org in the cloud, the local Globus's own elsewhere)."""

    web_app_url: str

    def upload_to(self, collection: CollectionId, path: CollectionPath) -> str:
        """The file manager with the staging area as the destination."""
        query = urlencode({"destination_id": collection, "destination_path": path})
        return f"{self._base}/file-manager?{query}"

    def download_from(self, collection: CollectionId, path: CollectionPath) -> str:
        """The file manager with a download tree as the origin."""
        return f"{self._base}/file-manager?{urlencode({'origin_id': collection, 'origin_path': path})}"

    def activity(self) -> str:
        """The signed-in person's own tasks."""
        return f"{self._base}/activity"

    def task(self, task: TaskId) -> str:
        """One task's page."""
        return f"{self._base}/activity/{task}"

    @property
    def _base(self) -> str:
        return self.web_app_url.rstrip("/")
