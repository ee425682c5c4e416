"""Reading task lists from Globus into our tables. Pages read the tables and say "as of"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, Q

from moorage.backends import backends
from moorage.globus.service import IdentityId, TaskId, TaskNotFoundError, TransferTask
from moorage.transfers.attribution import Candidate, belongings
from moorage.transfers.models import AccessGrant, Belonging, CollectionWatch, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path
from moorage.transfers.states import MAY_BE_WRITTEN_TO, MAY_HAVE_ACCESS, OUTSTANDING
from moorage.transfers.task_links import FINAL, SURE

# While nobody watches, an upload at which nothing happens is read in one of these rounds of a minute only:
# Globus answers some twenty requests a second, and there may be hundreds of open uploads.
ROUNDS: Final = 10
A_ROUND: Final = timedelta(minutes=1)
# Finished tasks are asked for again this far back: Globus's clock and ours differ, and its lists lag behind.
READ_AGAIN: Final = timedelta(minutes=30)

Candidates = dict[UUID, list[Candidate]]  # by identity


@dataclass
class Sighting:
    """A task, and the uploads of everyone in whose list it was seen."""

    task: TransferTask
    near: set[Candidate] = field(default_factory=set)


_NEVER_READ: Final = Q(tasks_as_of=None)


def read_all_tasks(collection_id: UUID, *, at: datetime, everyone: bool = True) -> None:
    """Read the tasks of everyone who may write to an open upload, and of tasks that we follow to their end.

    Unless `everyone`, members at whose uploads nothing happens are left for one of the next rounds.

    Raises:
        GlobusUnavailableError: nothing is lost; the next reading begins where this one did.
    """
    CollectionWatch.objects.get_or_create(pk=collection_id)
    candidates = _candidates(collection_id)
    read = _read_before(collection_id)
    if not everyone:
        candidates = _of_this_round(collection_id, candidates, read, at=at)
    seen = _read(candidates, read=read, at=at)
    _follow_to_the_end(collection_id, seen, at=at)
    AccessGrant.objects.filter(collection_id=collection_id, identity_id__in=list(candidates)).update(tasks_as_of=at)
    CollectionWatch.objects.filter(pk=collection_id).update(tasks_as_of=at, trouble="")


def read_tasks_of(upload: Upload, *, at: datetime) -> None:
    """Read the tasks of everyone who could write to this upload."""
    candidates = _candidates(upload.collection_id)
    identities = set(upload.grants.values_list("identity_id", flat=True))
    _read({one: candidates[one] for one in candidates.keys() & identities}, read={}, at=at)


def is_seen_by_others(task_id: UUID, upload: Upload) -> bool:
    """Whether the task is in the list of someone who may write to another owner's upload."""
    states = [state.value for state in MAY_BE_WRITTEN_TO]
    grants = AccessGrant.objects.filter(collection_id=upload.collection_id, upload__state__in=states)
    others = grants.exclude(upload__owner=upload.owner_id).order_by().values_list("identity_id", flat=True)
    return any(
        task.id == str(task_id)
        for identity in others.distinct()
        for task in backends().globus.tasks_of(IdentityId(str(identity)), since=upload.created_at)
    )


def store_task(task: TransferTask, *, collection_id: UUID, at: datetime) -> GlobusTask:
    """Write down what Globus says of a task; a row that says the same already is not written again."""
    seen = {
        "status": task.status.value,
        "label": task.label[:300],
        "destination_path": task.destination_path or "",
        "requested_at": task.requested_at,
        "completed_at": task.completed_at,
        "files": task.files,
        "files_transferred": task.files_transferred,
        "files_skipped": task.files_skipped,
        "bytes_transferred": task.bytes_transferred,
        "bytes_per_second": task.bytes_per_second,
        "faults": task.faults,
        "nice_status": task.nice_status[:100],
        "was_cancelled": task.was_cancelled,
        "is_delete": task.is_delete,
    }
    row, made = GlobusTask.objects.get_or_create(
        task_id=UUID(task.id), defaults={**seen, "collection_id": collection_id, "as_of": at}
    )
    if not made and any(getattr(row, name) != value for name, value in seen.items()):
        GlobusTask.objects.filter(pk=row.pk).update(**seen, as_of=at)
        for name, value in seen.items():
            setattr(row, name, value)
        _note_activity(row, at=at)
    return row


def attribute(row: GlobusTask, candidates: Iterable[Candidate], *, at: datetime) -> None:
    """Write down what a task is to each of these uploads (and keep what was known)."""
    links = {link.upload_id: link for link in UploadTask.objects.filter(task=row)}
    known = {upload_id: Belonging(link.belonging) for upload_id, link in links.items()}
    found = belongings(
        path=row.destination_path or None,
        requested_at=row.requested_at,
        candidates=list(candidates),
        known=known,
    )
    if found == known:
        return
    with transaction.atomic():
        for upload_id, how in found.items():
            if known.get(upload_id) != how:
                UploadTask.objects.update_or_create(upload_id=upload_id, task=row, defaults={"belonging": how})
        UploadTask.objects.filter(task=row, upload_id__in=known.keys() - found.keys()).delete()
        _note_activity(row, at=at)


def candidate_of(upload: Upload) -> Candidate:
    """The upload as a candidate."""
    return Candidate(upload.pk, area_path(upload.area_name), upload.created_at)


def _candidates(collection_id: UUID) -> Candidates:
    """Uploads that may be written to, by the identities that have (or had) a rule on them."""
    states = [state.value for state in MAY_BE_WRITTEN_TO]
    grants = AccessGrant.objects.filter(collection_id=collection_id, upload__state__in=states)
    by_identity: Candidates = {}
    for grant in grants.select_related("upload"):
        if grant.upload is not None:
            by_identity.setdefault(grant.identity_id, []).append(candidate_of(grant.upload))
    return by_identity


def _read_before(collection_id: UUID) -> dict[UUID, datetime]:
    """Since when each identity's task list has not been read, for all that it has a rule on now."""
    states = [state.value for state in MAY_BE_WRITTEN_TO]
    grants = AccessGrant.objects.filter(collection_id=collection_id, upload__state__in=states)
    read = grants.values_list("identity_id").annotate(as_of=Min("tasks_as_of"), never=Count("id", filter=_NEVER_READ))
    return {identity: as_of for identity, as_of, never in read if as_of is not None and not never}


def _of_this_round(
    collection_id: UUID, candidates: Candidates, read: Mapping[UUID, datetime], *, at: datetime
) -> Candidates:
    """Identities with an upload at which something happens, a tenth of the others, and who has missed their round."""
    busy = Upload.objects.filter(collection_id=collection_id, state__in=[state.value for state in MAY_BE_WRITTEN_TO])
    lately = at - ROUNDS * A_ROUND
    busy = busy.filter(~Q(wish_at=None) | Q(arrived_changed_at__gte=lately) | Q(created_at__gte=lately))
    ids = set(busy.values_list("pk", flat=True))
    turn = int(at.timestamp() // A_ROUND.total_seconds()) % ROUNDS
    return {
        identity: uploads
        for identity, uploads in candidates.items()
        if identity.int % ROUNDS == turn
        or identity not in read
        or at - read[identity] > ROUNDS * A_ROUND
        or any(candidate.upload_id in ids for candidate in uploads)
    }


def _read(candidates: Candidates, *, read: Mapping[UUID, datetime], at: datetime) -> set[TaskId]:
    """Ask for each identity's tasks, store those that concern us, and return the ids of all that were seen.

    An identity that is not among `read` is asked for all since its oldest upload was opened.
    """
    collection_id = UUID(backends().globus.collection_id)
    seen = _lists(candidates, read)
    if new := {task_id for task_id, sighting in seen.items() if _is_anybodys(sighting)}:
        # Identities of one Globus account show the same tasks, and only Globus knows which are. So nobody's it
        # is alone before everyone's list was looked at after it had been seen.
        for task_id, again in _lists(_candidates(collection_id), read).items():
            if task_id in new:
                seen[task_id].near |= again.near
    for sighting in seen.values():
        if _concerns(sighting):
            attribute(store_task(sighting.task, collection_id=collection_id, at=at), sighting.near, at=at)
    return set(seen)


def _lists(candidates: Candidates, read: Mapping[UUID, datetime]) -> dict[TaskId, Sighting]:
    seen: dict[TaskId, Sighting] = {}
    for identity, uploads in candidates.items():
        earliest = min(candidate.opened_at for candidate in uploads)
        since = max(read[identity] - READ_AGAIN, earliest) if identity in read else earliest
        for task in backends().globus.tasks_of(IdentityId(str(identity)), since=since):
            seen.setdefault(task.id, Sighting(task)).near.update(uploads)
    return seen


def _is_anybodys(sighting: Sighting) -> bool:
    """Whether the task is new to us and its path does not say whose it is."""
    found = _inferred(sighting)
    return (
        bool(found)
        and Belonging.PATH not in found.values()
        and not UploadTask.objects.filter(task__task_id=UUID(sighting.task.id)).exists()
    )


def _concerns(sighting: Sighting) -> bool:
    return bool(_inferred(sighting)) or GlobusTask.objects.filter(task_id=UUID(sighting.task.id)).exists()


def _inferred(sighting: Sighting) -> dict[UUID, Belonging]:
    task = sighting.task
    return belongings(path=task.destination_path, requested_at=task.requested_at, candidates=sighting.near, known={})


def _follow_to_the_end(collection_id: UUID, seen: set[TaskId], *, at: datetime) -> None:
    """Ask for unfinished tasks of outstanding uploads that no list showed, one by one."""
    states = [state.value for state in OUTSTANDING]
    waiting = GlobusTask.objects.filter(collection_id=collection_id, upload_tasks__upload__state__in=states)
    for row in waiting.exclude(status__in=FINAL).distinct():
        task_id = TaskId(str(row.task_id))
        if task_id in seen:
            continue
        try:
            store_task(backends().globus.task(task_id), collection_id=collection_id, at=at)
        except TaskNotFoundError:
            end_forgotten(row, at=at)


def end_forgotten(row: GlobusTask, *, at: datetime) -> None:
    """Globus does not know an unfinished task any more: it has ended, and how is not known, so it failed."""
    forgotten = GlobusTask.objects.filter(pk=row.pk).exclude(status__in=FINAL)
    forgotten.update(status="FAILED", completed_at=at, as_of=at)


def _note_activity(row: GlobusTask, *, at: datetime) -> None:
    """An upload whose task moves is alive: its expiry moves on."""
    policy = backends().policies.upload_expires_after
    Upload.objects.filter(upload_tasks__task=row, upload_tasks__belonging__in=SURE).filter(
        state__in=[state.value for state in MAY_HAVE_ACCESS]
    ).update(last_activity_at=at, expires_at=at + policy, expiry_warned_days=None)
