"""Pages and API calls of one member, one after another, that read and that write: how long each takes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from benchmarks.imports.results import percentile
from benchmarks.imports.site import Site

PAUSE_SECONDS: Final = 0.01
TIMEOUT_SECONDS: Final = 60.0


class CallFailedError(Exception):
    """A page or a call did not answer as it does for members."""


@dataclass
class Caller:
    """A member at work beside an import: signed in on the site, and with a token."""

    site: Site
    importing: Mapping[str, Any]  # the upload that is imported meanwhile
    taken: dict[str, list[float]] = field(default_factory=dict)  # milliseconds by what was called
    _web: requests.Session = field(default_factory=requests.Session)
    _number: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        member = self.site.running.demo["member"]
        self._web.get(self._url("/accounts/login/"), timeout=TIMEOUT_SECONDS)
        self._post("/accounts/login/", login=member["email"], password=member["password"])
        self._project = self.site.author.new_project("Beside the import")
        self._upload = self.site.author.open_upload("Beside the import", project=self._project)["id"]
        self._kinds = itertools.cycle(self._calls().items())
        for _ in self._calls():  # a page is slow the first time
            self.call_next()
        self.taken.clear()

    def call_some(self) -> None:
        """Ten calls, before somebody looks whether the import has ended."""
        for _ in range(10):
            self.call_next()

    def call_next(self) -> None:
        """Make the next call, note its time, and rest a moment."""
        kind, call = next(self._kinds)
        started = time.perf_counter()
        answer = call()
        self.taken.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
        if answer.status_code not in {200, 201, 302}:
            raise CallFailedError(f"{kind}: status {answer.status_code}\n{answer.text[:500]}")
        time.sleep(PAUSE_SECONDS)

    def figures(self) -> dict[str, float]:
        """Of all calls, and of those that read and that write."""
        kinds = {"": ("reads", "writes"), "read_": ("reads",), "write_": ("writes",)}
        found: dict[str, float] = {}
        for prefix, words in kinds.items():
            all_of_kind = [ms for kind, taken in self.taken.items() if kind.startswith(words) for ms in taken]
            if all_of_kind:
                found[f"{prefix}calls"] = len(all_of_kind)
                found[f"{prefix}p50_ms"] = percentile(all_of_kind, 0.50)
                found[f"{prefix}p99_ms"] = percentile(all_of_kind, 0.99)
                found[f"{prefix}max_ms"] = max(all_of_kind)
        return found

    def _calls(self) -> dict[str, Callable[[], requests.Response]]:
        project, upload = self.importing["project"], self.importing["id"]
        reads = {
            "reads the dashboard": lambda: self._get("/"),
            "reads the upload's page": lambda: self._get(f"/uploads/{upload}/"),
            "reads Upload Status": lambda: self._get(f"/projects/{project}/upload-status/"),
            "reads the project's files": lambda: self._get(f"/projects/{project}/files/"),
            "reads the upload (API)": lambda: self._api("GET", f"/uploads/{upload}"),
            "reads the uploads (API)": lambda: self._api("GET", f"/projects/{project}/uploads"),
            "reads the manifest (API)": lambda: self._api("GET", f"/uploads/{upload}/entries", params={"limit": "100"}),
        }
        writes = {
            "writes a project's settings": self._settings,
            "writes a new project (API)": lambda: self._api("POST", "/projects", json={"name": self._new("Project")}),
            "writes an upload's name (API)": lambda: self._api(
                "PATCH", f"/uploads/{self._upload}", json={"name": self._new("Upload")}
            ),
            "writes a new upload (API)": lambda: self._api(
                "POST", f"/projects/{self._project}/uploads", json={"name": self._new("Opened")}
            ),
        }
        # A write after every second read.
        queue = list(reads.items())
        for place, write in zip(range(2, 99, 3), writes.items(), strict=False):
            queue.insert(place, write)
        return dict(queue)

    def _settings(self) -> requests.Response:
        return self._post(f"/projects/{self._project}/settings/", name=self._new("Beside"), description="Meanwhile.")

    def _new(self, word: str) -> str:
        return f"{word} {next(self._number)}"

    def _get(self, path: str) -> requests.Response:
        return self._web.get(self._url(path), timeout=TIMEOUT_SECONDS)

    def _post(self, path: str, **values: str) -> requests.Response:
        token = {"X-CSRFToken": self._web.cookies.get("moorage_csrf") or ""}
        return self._web.post(
            self._url(path), data=values, headers=token, allow_redirects=False, timeout=TIMEOUT_SECONDS
        )

    def _api(self, method: str, path: str, **options: Any) -> requests.Response:
        token = self.site.running.demo["member"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        address = self._url(f"/api/v1{path}")
        return self._web.request(method, address, headers=headers, timeout=TIMEOUT_SECONDS, **options)

    def _url(self, path: str) -> str:
        return self.site.running.site + path
