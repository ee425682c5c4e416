"""The pages of people and projects: sound HTML, safe headers, and nothing for those whom it is not for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from builders import NOON, a_globus_member, a_linked_identity, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import ApiToken, GlobusIdentity, Member
from moorage.accounts.tokens import create_token, member_for_token
from moorage.backends import backends
from moorage.globus.service import IdentityId
from moorage.notices.models import Mail, Notice
from moorage.notices.telling import tell
from moorage.projects.models import InvitedMembership, Project, Role
from moorage.projects.rules import role_of
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from moorage.web.frame import PERSONAL_SECTIONS, PROJECT_SECTIONS, SECTIONS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus", "fresh_cache")]

OPEN_PAGES = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/"]
OWN_PAGES = [
    "/",
    "/projects/",
    "/projects/new/",
    "/notices/",
    "/mail/",
    "/account/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
]
PROJECT_PAGES = ["settings/", "import-defaults/", "members/", "globus-downloads/", "globus-downloads/new/"]


@dataclass
class Page(HTMLParser):
    """What is checked of a page."""

    h1: int = 0
    mains: int = 0
    language: str = ""
    title: str = ""
    inline: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    forms_without_token: int = 0
    _at: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self._at = tag
        self.h1 += tag == "h1"
        self.mains += tag == "main"
        self.language = told.get("lang", "") if tag == "html" else self.language
        self.inline += [f"{tag} {name}" for name in told if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in told):
            self.inline.append(tag)
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "form" and told.get("method", "").lower() == "post":
            self.forms_without_token += 1
        if told.get("name") == "csrfmiddlewaretoken":
            self.forms_without_token -= 1
        if tag in {"input", "select", "textarea"} and told.get("type") != "hidden":
            self.fields[told.get("id", f"{tag} without id")] = told.get("name", "")
        if tag == "label":
            self.labels.add(told.get("for", ""))

    def handle_data(self, data: str) -> None:
        if self._at == "title":
            self.title += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._at = ""


def check_page(response: Any) -> None:
    page = Page()
    page.feed(response.text)
    assert page.h1 == 1
    assert page.mains == 1
    assert page.language == "en"
    assert page.title.strip().endswith("· Moorage")
    assert page.title.strip() != "Moorage · Moorage"
    assert page.inline == []
    assert len(page.ids) == len(set(page.ids))
    assert set(page.fields) <= page.labels
    assert page.forms_without_token == 0
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"


@pytest.fixture
def ada() -> Member:
    return a_member("Ada Quist", password="berth-and-mooring-7")


@pytest.fixture
def hers(client: Client, ada: Member) -> Client:
    client.force_login(ada)
    return client


@pytest.fixture
def project(ada: Member) -> Project:
    return a_project(ada, name="Nickel <b>grains</b>")


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_pages_for_everybody_are_sound(client: Client, path: str) -> None:
    check_page(client.get(path))


@pytest.mark.parametrize("path", OWN_PAGES)
def test_a_members_pages_are_sound_with_nothing_and_with_something_on_them(
    hers: Client, ada: Member, path: str, globus: InMemoryTransferService
) -> None:
    check_page(hers.get(path))
    a_project(ada)
    a_linked_identity(ada, globus.add_identity("ada@uni.example"))
    create_token(ada, "cron", at=NOON)
    tell(ada, kind="upload.imported", subject="Scan 42", text="312 files.", path="/projects/", at=NOON)
    check_page(hers.get(path))


@pytest.mark.parametrize("path", PROJECT_PAGES)
def test_a_projects_pages_are_sound_for_each_role(client: Client, ada: Member, project: Project, path: str) -> None:
    viewer = a_member()
    a_membership(project, viewer, Role.VIEWER)
    for member in (ada, viewer):
        client.force_login(member)
        response = client.get(f"/projects/{project.pk}/{path}")
        assert response.status_code == 200
        check_page(response)
        assert "Nickel &lt;b&gt;grains" in response.text


@pytest.mark.parametrize("path", OWN_PAGES)
def test_someone_signed_out_is_led_to_signing_in(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_a_foreign_project_is_not_there_whatever_is_asked_of_it(hers: Client) -> None:
    foreign = a_project()
    at = f"/projects/{foreign.pk}/"
    someone = foreign.created_by_id

    assert [hers.get(at + path).status_code for path in ["", *PROJECT_PAGES]] == [404] * (1 + len(PROJECT_PAGES))
    assert hers.get(f"{at}members/{someone}/remove/").status_code == 404
    for path in ("settings/", "members/add/", f"members/{someone}/role/", f"members/{someone}/remove/"):
        assert hers.post(at + path, {"email": "x@y.example", "role": "owner", "name": "x"}).status_code == 404
    assert foreign.memberships.count() == 1


def test_the_sidebar_marks_where_one_is(hers: Client, project: Project) -> None:
    text = hers.get(f"/projects/{project.pk}/members/").text

    assert text.count('aria-current="page"') == 1
    assert f'href="/projects/{project.pk}/members/" aria-current="page"' in text


def test_every_place_of_the_sidebar_has_its_page(hers: Client, project: Project) -> None:
    urls = [place.url() for place in (*SECTIONS, *PERSONAL_SECTIONS)]
    urls += [place.url(project.pk) for place in PROJECT_SECTIONS]

    assert [url for url in urls if hers.get(url).status_code != 200] == []


def test_creating_a_project_leads_into_it(hers: Client, ada: Member) -> None:
    response = hers.post("/projects/new/", {"name": "Nickel", "description": ""})

    project = Project.objects.get()
    assert response.headers["Location"] == reverse("files", args=[project.pk])
    assert role_of(ada, project) is Role.OWNER


def test_a_form_that_is_refused_keeps_what_was_typed_and_says_why(hers: Client) -> None:
    response = hers.post("/projects/new/", {"name": "   ", "description": "Kept words"})

    assert response.status_code == 422
    assert "Kept words" in response.text
    assert 'aria-invalid="true"' in response.text
    check_page(response)


def test_a_viewer_neither_renames_nor_adds(client: Client, project: Project) -> None:
    viewer = a_member()
    a_membership(project, viewer, Role.VIEWER)
    client.force_login(viewer)

    renamed = client.post(f"/projects/{project.pk}/settings/", {"name": "Mine"})
    added = client.post(f"/projects/{project.pk}/members/add/", {"email": a_member().email, "role": "owner"})

    assert (renamed.status_code, added.status_code) == (403, 403)
    assert "Ask an owner" in added.text
    assert project.memberships.count() == 2


def test_the_members_page_adds_changes_and_removes(hers: Client, project: Project) -> None:
    bo = a_member()
    at = f"/projects/{project.pk}/members/"

    hers.post(f"{at}add/", {"email": bo.email, "role": "viewer"})
    assert role_of(bo, project) is Role.VIEWER
    hers.post(f"{at}{bo.pk}/role/", {"role": "editor"})
    assert role_of(bo, project) is Role.EDITOR
    check_page(hers.get(f"{at}{bo.pk}/remove/"))
    hers.post(f"{at}{bo.pk}/remove/")
    assert role_of(bo, project) is None


def test_the_last_owner_cannot_leave_and_the_page_says_why(hers: Client, ada: Member, project: Project) -> None:
    response = hers.post(f"/projects/{project.pk}/members/{ada.pk}/remove/")

    assert response.status_code == 409
    assert "Make another member an owner first" in response.text
    check_page(response)


def test_an_unknown_address_is_invited_only_where_sign_up_is_by_invitation(
    hers: Client, project: Project, settings: Settings
) -> None:
    at = f"/projects/{project.pk}/members/add/"
    settings.SIGN_UP = "open"
    refused = hers.post(at, {"email": "new@uni.example", "role": "editor"})
    settings.SIGN_UP = "invitation"
    hers.post(at, {"email": "new@uni.example", "role": "editor"})

    assert refused.status_code == 422
    assert "Ask them to sign up" in refused.text
    assert InvitedMembership.objects.get().invitation.email == "new@uni.example"
    assert Mail.objects.get().to == "new@uni.example"
    shown = hers.get(f"/projects/{project.pk}/members/")
    check_page(shown)
    assert "new@uni.example" in shown.text


def test_a_token_is_shown_once(hers: Client, ada: Member) -> None:
    response = hers.post("/account/tokens/", {"name": "cron", "lifetime": "90"})

    check_page(response)
    plain = response.text.split('id="token">')[1].split("<")[0]
    assert member_for_token(plain) == (ada, ApiToken.objects.get())
    assert "no-store" in response.headers["Cache-Control"]
    assert plain not in hers.get("/account/").text
    hers.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert member_for_token(plain) is None


def test_anothers_token_notice_mail_and_identity_are_not_there(hers: Client, globus: InMemoryTransferService) -> None:
    bo = a_member()
    token, _ = create_token(bo, "cron", at=NOON)
    notice = tell(bo, kind="x", subject="Private", text="Private", at=NOON)
    identity = a_linked_identity(bo, globus.add_identity("bo@uni.example"))
    assert notice.mail is not None

    answers = [
        hers.post(f"/account/tokens/{token.pk}/revoke/"),
        hers.get(f"/notices/{notice.pk}/"),
        hers.get(f"/mail/{notice.mail.pk}/"),
        hers.post(f"/account/globus/{identity.pk}/unlink/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert "Private" not in hers.get("/notices/").text + hers.get("/mail/").text + hers.get("/").text


def test_following_a_notice_reads_it_and_leads_to_its_page(hers: Client, ada: Member) -> None:
    notice = tell(ada, kind="x", subject="Imported", text="Done.", path="/projects/", at=NOON)

    assert "1<span" in hers.get("/projects/").text
    response = hers.get(f"/notices/{notice.pk}/")

    assert response.headers["Location"] == "/projects/"
    assert Notice.objects.get().read_at == NOON


def test_typing_a_globus_name_shows_who_that_is_before_anything_is_linked(
    hers: Client, ada: Member, globus: InMemoryTransferService
) -> None:
    identity = globus.add_identity("ada@uni.example", name="Ada Quist", organization="University of Example")

    found = hers.post("/account/globus/", {"globus_username": "ada@uni.example"})

    check_page(found)
    assert "University of Example" in found.text
    assert not GlobusIdentity.objects.exists()
    hers.post("/account/globus/confirm/", {"globus_username": "ada@uni.example", "identity": identity.id})
    assert ada.globus_identities.get().username == "ada@uni.example"


def test_of_several_the_member_chooses_and_the_unused_one_is_called_probably_wrong(
    hers: Client, globus: InMemoryTransferService
) -> None:
    globus.add_identity("ada@gmail.example", status="unused")
    google = globus.add_identity("ada@gmail.example@accounts.google.com")

    found = hers.post("/account/globus/", {"globus_username": "ada@gmail.example"})

    check_page(found)
    assert found.text.count('type="radio"') == 2
    assert "probably wrong" in found.text
    hers.post("/account/globus/confirm/", {"globus_username": "ada@gmail.example", "identity": google.id})
    assert str(GlobusIdentity.objects.get().identity_id) == google.id


def test_a_globus_name_that_finds_nobody_says_what_to_do(hers: Client) -> None:
    found = hers.post("/account/globus/", {"globus_username": "nobody@uni.example"})

    check_page(found)
    assert "Globus knows no such account" in found.text
    assert "create an account at Globus" in found.text


def test_while_globus_is_down_the_account_page_says_so_at_the_field(
    hers: Client, globus: InMemoryTransferService
) -> None:
    globus.fail_next("find_identities")

    response = hers.post("/account/globus/", {"globus_username": "ada@uni.example"})

    assert response.status_code == 422
    assert "Globus does not answer" in response.text
    assert 'value="ada@uni.example"' in response.text


def test_an_identity_of_another_member_is_refused_with_words(hers: Client, globus: InMemoryTransferService) -> None:
    identity = globus.add_identity("bo@uni.example")
    a_linked_identity(a_member(), identity)

    named = hers.post("/account/globus/", {"globus_username": "bo@uni.example"})
    confirmed = hers.post(
        "/account/globus/confirm/", {"globus_username": "bo@uni.example", "identity": IdentityId(identity.id)}
    )

    assert "Another member has signed in" in named.text
    assert confirmed.status_code == 409


def test_the_profile_is_saved(hers: Client, ada: Member) -> None:
    hers.post("/account/profile/", {"name": "Ada Q.", "affiliation": "Slow Light", "description": "EBSD"})

    ada.refresh_from_db()
    assert (ada.name, ada.affiliation, ada.description) == ("Ada Q.", "Slow Light", "EBSD")


def test_forms_need_our_own_token(ada: Member) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    response = strict.post("/account/profile/", {"name": "Eve"})

    assert response.status_code == 403
    assert "Load the page again" in response.text
    check_page(response)


def test_looking_asks_for_get_and_acting_for_post(hers: Client, project: Project) -> None:
    sent, loaded = hers.post("/projects/"), hers.get(f"/projects/{project.pk}/members/add/")

    assert (sent.status_code, sent["Allow"]) == (405, "GET, HEAD")
    assert (loaded.status_code, loaded["Allow"]) == (405, "POST")
    assert "takes POST, not GET" in loaded.text
    assert "Nothing was changed" in loaded.text
    check_page(loaded)


def test_the_dashboard_shows_her_uploads_that_are_not_over(
    hers: Client, ada: Member, project: Project, globus: InMemoryTransferService
) -> None:
    a_linked_identity(ada, globus.add_identity("ada@uni.example"))
    an_open_upload(globus, project=project, owner=ada, name="Scan <42>")
    an_open_upload(globus, project=project, owner=a_member_of(project, globus), name="Another's scan")

    shown = hers.get("/")

    check_page(shown)
    assert "Scan &lt;42&gt;" in shown.text
    assert "Another" not in shown.text


def test_finished_uploads_stand_in_the_order_of_their_ends(
    hers: Client, ada: Member, project: Project, globus: InMemoryTransferService
) -> None:
    a_linked_identity(ada, globus.add_identity("ada@uni.example"))
    now = backends().clock()
    for opened, ended, name in ((3, 2, "ends first"), (5, 1, "ends last"), (4, 1.5, "ends between")):
        upload = an_open_upload(globus, project=project, owner=ada, name=name)
        times = {"created_at": now - timedelta(hours=opened), "state_changed_at": now - timedelta(hours=ended)}
        Upload.objects.filter(pk=upload.pk).update(state=UploadState.DISCARDED.value, **times)

    shown = hers.get(f"/projects/{project.pk}/upload-status/").text

    assert re.findall("ends (?:first|last|between)", shown) == ["ends last", "ends between", "ends first"]


def a_member_of(project: Project, globus: InMemoryTransferService) -> Member:
    member = a_globus_member(globus)
    a_membership(project, member, Role.EDITOR)
    return member
