"""What a project preferred when an import began counts for all of it, also after its owner has changed her mind."""

from __future__ import annotations

import pytest
from django.utils import timezone

from builders import a_project
from importing import Crash, World, contents
from moorage.importer.asked.defaults import save_import_defaults
from moorage.projects.choices import OnConflict
from moorage.projects.models import Project
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)


def prefer(project: Project, on_conflict: OnConflict, ignore_rules: str = "") -> None:
    save_import_defaults(
        project=Project.objects.get(pk=project.pk),
        actor=project.created_by,
        on_conflict=on_conflict,
        ignore_rules=ignore_rules,
        at=timezone.now(),
    )


@pytest.mark.parametrize("is_taken_over", [False, True])
@pytest.mark.parametrize("seam", ["begun", "scanned", "placed"])
@pytest.mark.parametrize("first", [OnConflict.VERSION, OnConflict.FAIL, OnConflict.SKIP])
def test_a_policy_that_changes_meanwhile_is_for_the_next_import(
    world: World, first: OnConflict, seam: str, *, is_taken_over: bool
) -> None:
    project = a_project()
    world.imported({"a": b"old"}, project)
    prefer(project, first)
    upload = world.a_sealed_upload({"a": b"new", "b": b"b", "c": b"c"}, project)

    def change(at: str) -> None:
        if at == seam:
            prefer(project, OnConflict.VERSION if first != OnConflict.VERSION else OnConflict.FAIL, "b")
            if is_taken_over:
                raise Crash

    if is_taken_over:
        with pytest.raises(Crash):
            world.work_until(upload, change)
        world.work(upload)
    else:
        world.work_until(upload, change)

    upload.refresh_from_db()
    project.refresh_from_db()
    if first == OnConflict.FAIL:
        assert (upload.state, upload.reason) == (UploadState.FAILED, "import.conflict")
        assert contents(world, project) == {"a": b"old"}
    else:
        assert upload.state == UploadState.IMPORTED
        kept = b"old" if first == OnConflict.SKIP else b"new"
        assert contents(world, project) == {"a": kept, "b": b"b", "c": b"c"}
