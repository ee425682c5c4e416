"""A person at the local Globus's pages, without a browser: opens pages, fills in their forms, follows redirects."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

TIMEOUT_SECONDS = 30


@dataclass
class Form:
    """A form as it stands on the page. `fields` hold what a browser would send unasked."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")


class Visitor:
    """One browser profile. Redirects are followed as long as they stay on the service (`home`)."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.http = requests.Session()
        self.page = requests.Response()
        self.left_for: str | None = None  # the address outside that the last answer led to

    def open(self, address: str) -> requests.Response:
        return self._follow(self._send("GET", urljoin(self.home, address)))

    def submit(self, to: str, **values: str) -> requests.Response:
        """Send the form of this page whose action begins with `to`."""
        form = self.form(to)
        target = urljoin(self.page.url, form.action)
        return self._follow(self._send("POST", target, {**form.fields, **values}))

    def form(self, to: str) -> Form:
        parser = _Forms()
        parser.feed(self.page.text)
        found = [form for form in parser.forms if form.action.startswith(to)]
        assert found, f"there is no form to {to} on {self.page.url}:\n{self.page.text}"
        return found[0]

    def sign_in(self, username: str, password: str) -> requests.Response:
        return self.submit("/v2/web/login", username=username, password=password)

    def allow(self) -> requests.Response:
        return self.submit("/v2/oauth2/authorize", decision="allow")

    def code_for(self, authorize_url: str, username: str, password: str) -> str:
        """Sign in, allow, and return the code that the client gets."""
        self.open(authorize_url)
        self.sign_in(username, password)
        if self.left_for is None and "code=" not in self.page.url:
            self.allow()
        return query_of(self.left_for or self.page.url)["code"]

    def _send(self, method: str, url: str, data: dict[str, str] | None = None) -> requests.Response:
        headers = {"Accept": "text/html"}
        return self.http.request(
            method, url, data=data, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )

    def _follow(self, answer: requests.Response) -> requests.Response:
        self.left_for = None
        while answer.is_redirect:
            target = urljoin(answer.url, answer.headers["Location"])
            if not target.startswith(self.home + "/"):
                self.left_for = target
                break
            answer = self._send("GET", target)
        self.page = answer
        return answer


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL's query, the first value of each."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
