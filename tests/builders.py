"""Worlds for tests, built by the moves that members make. Add what you need; keep what others use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final
from uuid import UUID
from zlib import crc32

from django.utils import timezone

from fakes.globus import InMemoryTransferService
from moorage.accounts.models import GlobusIdentity, Member
from moorage.backends import backends
from moorage.files.browsing import list_folder
from moorage.files.directories import begin_directories, ensure_directories, write_totals
from moorage.files.ids import new_version_ids
from moorage.files.items import DirectoryItem, FileItem
from moorage.files.models import FileVersion, RevisionKind, StoredObject
from moorage.files.paths import parent_path
from moorage.files.registering import RegisterRight, RevisionCounts, publish
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.globus.service import Identity
from moorage.jobs.revisions import claim_next as claim_undo
from moorage.jobs.revisions import work as work_on_undo
from moorage.jobs.setbacks import Setbacks
from moorage.leases import LeaseWatch
from moorage.projects.models import Membership, Project, Role
from moorage.storage.layout import StoreLayout
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.opening import open_upload, prepare_upload

NOON: Final = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)

_numbers: Final = count(1)


def a_member(name: str = "", *, password: str | None = None) -> Member:
    """A member with an account of her own."""
    number = next(_numbers)
    return Member.objects.create_user(f"member{number}@example.org", password=password, name=name or f"Member {number}")


def a_project(owner: Member | None = None, *, name: str = "Beamline 7") -> Project:
    """A project with an owner, and nothing in it."""
    owner = owner or a_member()
    project = Project.objects.create(name=name, created_by=owner)
    a_membership(project, owner, Role.OWNER)
    return project


def a_membership(project: Project, member: Member, role: Role) -> Membership:
    """`member` belongs to `project`."""
    return Membership.objects.create(project=project, member=member, role=role)


def a_stored_object(content: bytes, *, store: StoreLayout | None = None) -> StoredObject:
    """The row of an object with this content, and its file where a store is given."""
    digest = sha256(content).hexdigest()
    modified_ns = changed_ns = 0
    if store is not None:
        path = store.objects / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
            path.chmod(0o444)
        modified_ns, changed_ns = path.stat().st_mtime_ns, path.stat().st_ctime_ns
    return StoredObject.objects.get_or_create(
        digest=digest,
        defaults={
            "size_bytes": len(content),
            "crc32": crc32(content),
            "modified_ns": modified_ns,
            "changed_ns": changed_ns,
        },
    )[0]


def register_files(
    right: RegisterRight,
    files: Mapping[str, bytes],
    *,
    removed: Collection[str] = (),
    folders: Collection[str] = (),
    store: StoreLayout | None = None,
    modified_at: datetime = NOON,
) -> None:
    """Write what a revision brings, replaces and removes above the head, as an import's register step does."""
    ids = ensure_directories(right, [*map(parent_path, [*files, *removed]), *folders])
    begin_directories(right, [ids[folder] for folder in folders])
    for path in [*files, *removed]:
        with right.batch():
            FileVersion.objects.filter(
                directory=ids[parent_path(path)], name=path.rpartition("/")[2], until=None
            ).update(until=right.number)
    for (path, content), version_id in zip(files.items(), new_version_ids(len(files)), strict=True):
        with right.batch():
            FileVersion.objects.create(
                id=version_id,
                project_id=right.project_id,
                directory_id=ids[parent_path(path)],
                name=path.rpartition("/")[2],
                stored_object=a_stored_object(content, store=store),
                size_bytes=len(content),
                modified_at=modified_at,
                since=right.number,
            )
    write_totals(right)


def publish_files(
    project: Project,
    files: Mapping[str, bytes],
    *,
    removed: Collection[str] = (),
    folders: Collection[str] = (),
    by: Member | None = None,
    at: datetime = NOON,
    store: StoreLayout | None = None,
    upload_id: UUID | None = None,
) -> int:
    """One more revision of a project, from the asking to the publishing; `project` is read anew."""
    revision = ask_revision(project=project, kind=RevisionKind.IMPORT, by=by, at=at, upload_id=upload_id)
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    register_files(right, files, removed=removed, folders=folders, store=store, modified_at=at)
    counts = RevisionCounts(
        files_added=len(files), files_removed=len(removed), bytes_added=sum(map(len, files.values()))
    )
    number = publish(right, at=at, counts=counts)
    project.refresh_from_db()
    return number


def read_whole(project_id: UUID, revision: int | None = None, *, limit: int = 3) -> dict[str, str | tuple[int, int]]:
    """Everything that a reader sees of a project at one revision, by path: digests, and totals of folders."""
    project = Project.objects.get(pk=project_id)
    number = project.head if revision is None else revision
    whole: dict[str, str | tuple[int, int]] = {}
    waiting = [""]
    while waiting:
        path = waiting.pop()
        page = list_folder(project, path=path, revision=number, limit=limit)
        whole[path] = (page.folder.file_count, page.folder.size_bytes)
        items = page.items
        while page.next:
            page = list_folder(project, path=path, cursor=page.next, limit=limit)
            items = items + page.items
        whole |= {item.path: item.digest for item in items if isinstance(item, FileItem)}
        waiting += [item.path for item in items if isinstance(item, DirectoryItem)]
    return whole


def a_globus_member(globus: InMemoryTransferService, name: str = "") -> Member:
    """A member who has signed in with Globus."""
    member = a_member(name)
    a_linked_identity(member, globus.add_identity(member.email, name=member.name))
    return member


def a_linked_identity(member: Member, identity: Identity) -> GlobusIdentity:
    """A verified Globus identity of a member."""
    return GlobusIdentity.objects.create(
        member=member,
        identity_id=UUID(identity.id),
        username=identity.username,
        name=identity.name,
        verified_at=timezone.now(),
    )


def an_open_upload(
    globus: InMemoryTransferService,
    *,
    project: Project | None = None,
    owner: Member | None = None,
    name: str = "Scan 42",
) -> Upload:
    """An upload that its owner has opened, and that Globus shows a rule for."""
    owner = owner or a_globus_member(globus)
    project = project or a_project(owner)
    at = backends().clock()
    upload = open_upload(project=project, actor=owner, name=name, at=at)
    assert prepare_upload(upload, at=at)
    return upload


def a_file_arrives(upload: Upload, path: str, content: bytes = b"counts\n") -> Path:
    """A file in the upload's staging area, and a sweep's look that sees it."""
    target = backends().store.collection / upload.area_name / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()
    return target


def an_undo_is_carried_out() -> None:
    """A worker finds an undo or a redo that waits, and carries it out."""
    setbacks = Setbacks()
    lease = claim_undo(LeaseWatch(), setbacks)
    assert lease is not None
    work_on_undo(lease, setbacks)
