"""The DONE page as a preview, what is chosen there, lists of digests, cancelling, and a project's defaults."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from builders import a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.importer.lists.kept import whole_lists
from moorage.importer.models import Preview, PreviewState
from moorage.jobs.imports import claim_next
from moorage.jobs.sweeps.closing import seal
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.transfers.models import Upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from previewing import a_preview_is_made

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus", "fresh_cache")]

IGNORED = {
    "code": "entry.ignored",
    "sentence": "Left out by the rule “*.tmp” (built in). Retry with skipped files included to import it too.",
    "files": 2,
    "bytes": 5,
    "verdict": "skipped",
}
BAD_NAME = {
    "code": "path.not_utf8",
    "sentence": "The name is not valid UTF-8. Rename it where it comes from.",
    "files": 1,
    "bytes": 3,
    "verdict": "rejected",
}
FORM = {"on_conflict": "skip", "target": "raw/2026", "paths": "a\r\n\r\nb/c\r\n", "include": ["skipped"]}
CHOSEN = ImportChoices("skip", "raw/2026", ("a", "b/c"), ("skipped",))


@pytest.fixture
def upload(globus: InMemoryTransferService) -> Upload:
    opened = an_open_upload(globus)
    a_file_arrives(opened, "a/scan.tif")
    return opened


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member)
    return client


def wanted(upload: Upload) -> tuple[str, ImportChoices]:
    preview = Preview.objects.get(upload_id=upload.pk)
    return preview.state, ImportChoices.from_json(preview.choices)


def words_of(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_opening_the_done_page_has_a_preview_made_and_does_not_wait_for_it(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    first = client.get(page)
    assertContains(first, "Waiting for a worker to look at the files.")
    assertContains(first, "Import now")
    assert wanted(upload) == (PreviewState.WANTED, ImportChoices())
    client.get(page)
    assert Preview.objects.get(upload_id=upload.pk).fence == 0, "the one that is wanted already"
    assertRedirects(client.post(page, {"when": "now"}), f"/uploads/{upload.pk}/")


def test_nothing_is_looked_at_before_something_has_arrived(globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    assertContains(client_of(upload.owner).get(f"/uploads/{upload.pk}/done/"), "Nothing has arrived yet.")
    assert not Preview.objects.exists()


def test_the_preview_says_what_becomes_of_the_files_and_by_which_rule(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    verdicts = {"new": (1234, 10**9), "new_version": (1, 7), "skipped": (2, 5), "rejected": (1, 3)}
    gone = {"code": "list.missing", "sentence": "It has not arrived.", "files": 4, "bytes": 9, "verdict": ""}
    a_preview_is_made(upload, verdicts, [IGNORED, BAD_NAME, gone])

    shown = client.get(page)

    assertContains(shown, f'<a href="/uploads/{upload.pk}/entries/?verdict=new">1,234 files</a>', html=True)
    words = words_of(shown)
    assert "2 files: Left out by the rule “*.tmp” (built in).</div>" in words, "what follows is for after an import"
    assert "1 file: The name is not valid UTF-8. Rename it where it comes from." in words
    assert 'Missing</strong> <span class="muted">stand in a list of digests and have not arrived' in words
    assert f'<a href="/uploads/{upload.pk}/missing/">4 files</a>' in words
    assert "Check the bytes too" in words
    assertNotContains(shown, "look again")


DOUBTFUL = {
    "code": "entry.doubtful",
    "sentence": "A transfer that failed or was stopped may have left it incomplete. "
    "Retry with doubtful files included if it is complete, or send it in another upload.",
    "files": 1,
    "bytes": 3,
    "verdict": "doubtful",
}
BEING_WRITTEN = DOUBTFUL | {
    "code": "entry.being_written",
    "sentence": "A transfer that is still running may not have finished it. "
    "Retry when that transfer has ended, or send it in another upload.",
}


def test_what_a_running_transfer_may_write_is_not_offered_to_be_imported_too(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    a_preview_is_made(upload, {"doubtful": (1, 3)}, [BEING_WRITTEN])

    words = words_of(client.get(page))

    assert "A transfer that is still running may not have finished it. Wait until that transfer has ended" in words
    assert "Import them too" not in words
    Preview.objects.update(problems=[BEING_WRITTEN, DOUBTFUL])
    assert "Import them too" in words_of(client.get(page)), "there are others"


def test_before_an_import_the_words_are_those_of_its_receipt(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    a_preview_is_made(upload, {"skipped": (2, 5), "rejected": (1, 3)}, [IGNORED, BAD_NAME])

    words = words_of(client.get(page))

    assert "<strong>Skipped</strong>" in words
    assert "<strong>Rejected</strong>" in words


@pytest.mark.parametrize("query", ["verdict=zzz", "compared=zzz"])
def test_a_list_that_is_asked_for_by_what_no_file_is_says_so(upload: Upload, query: str) -> None:
    answer = client_of(upload.owner).get(f"/uploads/{upload.pk}/entries/?{query}")
    assertContains(answer, "“zzz”: there are", status_code=422)


@pytest.mark.parametrize("run", ["99", "x"])
def test_a_list_of_a_run_that_never_was_says_so(upload: Upload, run: str) -> None:
    answer = client_of(upload.owner).get(f"/uploads/{upload.pk}/entries/?run={run}")
    assertContains(answer, f"This upload has no run {run}.", status_code=404)


def test_a_first_upload_with_a_list_offers_to_compare_its_bytes(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    unread = {"code": "list.not_read", "sentence": "Only when it is read.", "files": 3, "bytes": 9, "verdict": ""}
    a_preview_is_made(upload, {"new": (3, 9)}, [unread])

    words = words_of(client.get(page))

    assert "are compared with their lists only when their bytes are read" in words
    assert 'data-label="How many">3 files</td>' in words, "no page names them"
    assert words.count("Check the bytes too") == 1
    Preview.objects.update(with_digests=True)
    assert "Check the bytes too" not in words_of(client.get(page)), "they have just been"


@pytest.mark.parametrize(("size", "told"), [(9, "9 bytes"), (0, "not known")])
def test_what_is_missing_has_no_bytes_where_no_list_says_how_many(upload: Upload, size: int, told: str) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    gone = {"code": "list.missing", "sentence": "It has not arrived.", "files": 4, "bytes": size, "verdict": ""}
    a_preview_is_made(upload, {"new": (1, 2)}, [gone])
    assertContains(client.get(page), f'<td class="number" data-label="Size">{told}</td>', html=True)


def test_problems_of_a_run_that_there_is_not_are_not_there(upload: Upload) -> None:
    assert client_of(upload.owner).get(f"/uploads/{upload.pk}/problems/99/").status_code == 404


def test_folders_are_told_where_they_cannot_be_imported(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    told = {"code": "entry.unreadable_folder", "sentence": "It cannot be read.", "verdict": "rejected", "bytes": 0}
    a_preview_is_made(upload, {"new": (1, 2)}, [told | {"files": 0, "folders": 2}])
    assert ">2 folders: It cannot be read.<" in words_of(client.get(page))


def test_the_page_says_that_nothing_would_be_imported(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    told = {"code": "import.conflict", "sentence": "Nothing would be imported: a.", "files": 1, "bytes": 7}
    a_preview_is_made(upload, {"new": (1, 2), "new_version": (1, 7)}, [told | {"verdict": "new_version"}])

    words = words_of(client.get(page))

    assert words.count("Nothing would be imported: a.") == 1
    assert "would become part of the project, if others did not stop the import" in words
    assert "stand in the project with other content, and stop the import" in words
    assert "replace files of the project" not in words


def test_a_preview_that_no_longer_holds_says_so_and_is_made_anew_when_the_page_is_opened(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    client.get(f"{page}done/")
    a_preview_is_made(upload, {"new": (1, 7)})
    a_file_arrives(upload, "late.tif", b"late")

    fragment = client.get(f"{page}preview/", headers={"HX-Request": "true"})
    assert "files have arrived or changed since: look again" in words_of(fragment)
    assert wanted(upload)[0] == PreviewState.READY, "a page that keeps itself fresh asks for nothing"
    assert "files have arrived or changed since; being made anew" in words_of(client.get(f"{page}done/"))
    assert wanted(upload)[0] == PreviewState.WANTED


def test_without_scripts_the_address_of_the_fragment_leads_to_the_page(upload: Upload) -> None:
    page = f"/uploads/{upload.pk}/"
    assertRedirects(client_of(upload.owner).get(f"{page}preview/"), f"{page}done/")


def test_choices_are_looked_at_and_stay_in_the_form(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertRedirects(client.post(f"{page}check/", FORM), f"{page}done/")
    assert wanted(upload) == (PreviewState.WANTED, CHOSEN)
    shown = words_of(client.get(f"{page}done/"))
    assert 'value="raw/2026"' in shown
    assert '<option value="skip" selected>' in shown
    assert 'value="skipped" id="include-skipped" checked>' in shown


@pytest.mark.parametrize("when", ["now", "quiet"])
def test_done_imports_as_chosen(upload: Upload, when: str) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertRedirects(client.post(f"{page}done/", {"when": when, **FORM}), page)
    upload.refresh_from_db()
    assert upload.import_choices == CHOSEN
    shown = client.get(page)
    assertContains(shown, "keep the project&#x27;s file; into raw/2026; only 2 paths; with skipped files")


@pytest.mark.parametrize("act", ["done", "check"])
def test_a_wrong_choice_is_told_in_its_field_and_nothing_is_lost(upload: Upload, act: str) -> None:
    refused = client_of(upload.owner).post(f"/uploads/{upload.pk}/{act}/", {**FORM, "target": "../up"})
    assert refused.status_code == 422
    shown = words_of(refused)
    assert "The files cannot go to “../up”" in shown
    assert "b/c" in shown
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN


def test_what_is_left_out_comes_along_by_one_click(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    client.get(f"{page}done/")
    a_preview_is_made(upload, {"skipped": (2, 5)}, [IGNORED])
    assertContains(client.get(f"{page}done/"), 'name="also" value="skipped"')
    client.post(f"{page}check/", {"on_conflict": "", "target": "", "paths": "", "also": "skipped"})
    assert wanted(upload)[1] == ImportChoices(include=("skipped",))


def test_what_was_not_chosen_cannot_come_along_by_that_click(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/done/"
    client.get(page)
    a_preview_is_made(upload, {"skipped": (2, 5)}, [IGNORED | {"code": "entry.not_selected"}])
    assertNotContains(client.get(page), 'name="also" value="skipped"')


def test_the_bytes_are_checked_when_asked(upload: Upload) -> None:
    client_of(upload.owner).post(f"/uploads/{upload.pk}/check/", {"digest": "1"})
    assert Preview.objects.get(upload_id=upload.pk).with_digests


def test_a_retry_is_previewed_and_chosen_too(upload: Upload) -> None:
    _is_sealed(upload)
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertRedirects(client.get(f"{page}retry/"), page)
    assertContains(client.get(page), "Cancel import")
    assertRedirects(client.post(f"{page}cancel/"), page)
    assertContains(client.get(page), "See first what a retry would do")

    assertContains(client.get(f"{page}retry/"), "Waiting for a worker to look at the files.")
    assertRedirects(client.post(f"{page}check/", FORM), f"{page}retry/?looked=1")
    assertRedirects(client.post(f"{page}retry/", FORM), page)

    upload.refresh_from_db()
    assert (upload.state, upload.import_choices) == (UploadState.SEALED, CHOSEN)


def test_a_running_import_is_cancelled_by_its_button(upload: Upload) -> None:
    _is_sealed(upload)
    assert claim_next(LeaseWatch()) is not None
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    status = f"/projects/{upload.project_id}/upload-status/"
    for shown in (client.get(page), client.get(status)):
        assertContains(shown, f'action="{page}cancel/"')

    assertRedirects(client.post(f"{page}cancel/"), page)

    assertContains(client.get(page), "Being cancelled")
    assertNotContains(client.get(page), f'action="{page}cancel/"')


def test_cancelling_what_does_not_run_says_why(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertContains(client.post(f"{page}cancel/", follow=True), "has not been marked as done")


def test_a_list_is_sent_by_a_form_and_taken_back(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    for shown in (client.get(page), client.get(f"{page}done/")):
        assertContains(shown, 'enctype="multipart/form-data"')

    sent = _send(client, page, b"path,size\na/scan.tif,7\n")
    assertContains(sent, "The list names 1 file.")
    assertContains(sent, "sums.csv")
    assert [one.files for one in whole_lists(upload.pk)] == [1]
    assertContains(client.post(f"{page}checksums/", {"remove": "1"}, follow=True), "not compared with that list")
    assert whole_lists(upload.pk) == []


def test_a_list_with_a_fault_is_told_with_its_line(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertContains(_send(client, page, b"path,size\na,minus\n"), "Line 2 of the list cannot be understood")
    assertContains(client.post(f"{page}checksums/", follow=True), "Choose a list first")


def test_a_list_by_a_form_may_be_longer_than_other_forms(upload: Upload) -> None:
    rows = b"".join(b"%0300d,1\n" % number for number in range(4000))
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertContains(_send(client, page, b"path,size\n" + rows), "The list names 4,000 files.")


def test_what_is_missing_has_a_page(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertContains(client.get(f"{page}missing/"), "Nothing is missing")
    _send(client, page, b"path,size\n" + b"".join(b"%04d,7\n" % number for number in range(101)))
    first = client.get(f"{page}missing/")
    assertContains(first, "0099")
    assertNotContains(first, "0100")
    following = re.search(r'href="([?]cursor=[^"]+)"', first.content.decode())
    assert following is not None
    assertContains(client.get(f"{page}missing/{following[1]}"), "0100")


def test_files_are_listed_by_what_a_list_says_of_them(upload: Upload) -> None:
    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/entries/?compared=extra")
    assertContains(page, "Only what is not in the list.")


def test_only_who_may_decide_can_choose_cancel_or_send_a_list(upload: Upload) -> None:
    editor = a_member()
    a_membership(upload.project, editor, Role.EDITOR)
    client, page = client_of(editor), f"/uploads/{upload.pk}/"
    assertNotContains(client.get(page), "multipart/form-data")
    for act in ("check", "cancel", "checksums", "retry", "done"):
        assert client.post(f"{page}{act}/").status_code == 403, act
    stranger = client_of(a_member())
    for act in ("check", "cancel", "checksums"):
        assert stranger.post(f"{page}{act}/").status_code == 404, act


def test_owners_choose_a_projects_defaults_and_others_see_them(upload: Upload) -> None:
    project, page = upload.project, f"/projects/{upload.project_id}/import-defaults/"
    owner, viewer = client_of(project.created_by), a_member()
    a_membership(project, viewer, Role.VIEWER)
    assertContains(owner.get(f"/projects/{project.pk}/settings/"), page)

    assertRedirects(owner.post(page, {"on_conflict": "fail", "ignore_rules": "*.tmp\r\n/cache/\r\n"}), page)

    project.refresh_from_db()
    assert (project.on_conflict, project.ignore_rules) == ("fail", "*.tmp\n/cache/")
    assertContains(client_of(viewer).get(page), "/cache/")
    assert client_of(viewer).post(page, {"on_conflict": "skip"}).status_code == 403
    refused = owner.post(page, {"on_conflict": "skip", "ignore_rules": "ok\n[a\n"})
    assertContains(refused, "Line 2 of the ignore rules", status_code=422)
    project.refresh_from_db()
    assert project.on_conflict == "fail"
    assertContains(owner.get(f"/uploads/{upload.pk}/done/"), "As the project has it: import nothing")


def _send(client: Client, page: str, content: bytes) -> Any:
    file = BytesIO(content)
    file.name = "sums.csv"
    return client.post(f"{page}checksums/", {"list": file}, follow=True)


def _is_sealed(upload: Upload) -> None:
    start_sealing(upload=upload, actor=upload.owner, at=backends().clock())
    seal(backends().clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
