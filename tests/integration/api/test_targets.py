"""A target that is a file of the project is refused wherever it is chosen; what is there already is not asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from builders import a_file_arrives, an_open_upload, publish_files
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.jobs.sweeps.closing import seal
from moorage.projects.choices import ImportChoices
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_cache")]

Asks = Callable[[Member], Callable[..., Any]]
ACTS = ["check", "done", "done quiet", "retry"]


def an_upload_before(act: str, globus: InMemoryTransferService, *, target: str = "") -> Upload:
    """An upload of which this can be asked, in a project that has files at `ok.txt` and `raw/a`."""
    upload = an_open_upload(globus)
    a_file_arrives(upload, "x")
    if act == "retry":
        choices = ImportChoices(target=target)
        start_sealing(upload=upload, actor=upload.owner, at=backends().clock(), choices=choices)
        seal(backends().clock())
        upload.refresh_from_db()
        cancel_import(upload=upload, actor=upload.owner, at=backends().clock())
    publish_files(upload.project, {"ok.txt": b"ok", "raw/a": b"a"}, store=backends().store)
    return upload


def asked(ask: Callable[..., Any], upload: Upload, act: str, target: str) -> Any:
    route, _, when = act.partition(" ")
    return ask("POST", f"/uploads/{upload.pk}/{route}", {"target": target, "when": when or "now"})


@pytest.mark.parametrize(("target", "names"), [("ok.txt", "there"), ("/ok.txt/", "there"), ("raw/a/b/c", "at “raw/a”")])
@pytest.mark.parametrize("act", ACTS)
def test_a_file_is_no_target(globus: InMemoryTransferService, api_of: Asks, act: str, target: str, names: str) -> None:
    upload = an_upload_before(act, globus)
    before = Upload.objects.filter(pk=upload.pk).values().get()

    answer = asked(api_of(upload.owner), upload, act, target)

    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (422, "import.choices", "target")
    bare = target.strip("/")
    assert told["message"] == f"The files cannot go to “{bare}”: the project has a file {names}. Choose another folder."
    assert Upload.objects.filter(pk=upload.pk).values().get() == before


@pytest.mark.parametrize("target", ["raw", "raw/b", "new/ok.txt", "ok.txt2"])
@pytest.mark.parametrize("act", ACTS)
def test_folders_and_what_is_not_there_yet_are_targets(
    globus: InMemoryTransferService, api_of: Asks, act: str, target: str
) -> None:
    upload = an_upload_before(act, globus)
    answer = asked(api_of(upload.owner), upload, act, target)
    assert answer.status_code == 202


def test_done_again_is_harmless_after_a_file_came_to_the_target(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_upload_before("done", globus)
    ask, body = api_of(upload.owner), {"when": "quiet", "target": "soon"}
    assert ask("POST", f"/uploads/{upload.pk}/done", body).status_code == 202
    publish_files(upload.project, {"soon": b"a file"}, store=backends().store)
    assert ask("POST", f"/uploads/{upload.pk}/done", body).status_code == 202


def test_the_page_tells_it_in_its_field_also_by_the_button_alone(globus: InMemoryTransferService) -> None:
    upload, client = an_upload_before("retry", globus, target="ok.txt/x"), Client()
    client.force_login(upload.owner)
    assert client.get(f"/uploads/{upload.pk}/retry/").status_code == 200, "looking is no harm"
    for act, body in (("retry", {}), ("retry", {"target": "ok.txt/x"}), ("check", {"target": "ok.txt/x"})):
        refused = client.post(f"/uploads/{upload.pk}/{act}/", body)
        assert refused.status_code == 422
        assert "the project has a file at “ok.txt”" in refused.context["form"].errors["target"][0]
        assert refused.context["form"]["target"].value() == "ok.txt/x"
