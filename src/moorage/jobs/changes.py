"""How a remove, a move or a restore is carried out under the right to register, and what is told when it fails.

What each does is in `files.changing`. It is claimed and begun anew by `jobs.revisions`. That it is done is seen on
the Files page, where it was asked for; only a failure is told by a notice.
"""

from collections.abc import Callable
from datetime import datetime

from moorage.backends import backends
from moorage.files.change_words import asked_words
from moorage.files.changing import note_failure, write_change
from moorage.files.models import Revision
from moorage.files.registering import RegisterRight, publish
from moorage.jobs.addresses import files_path
from moorage.leases import Lease
from moorage.notices.telling import tell


def carry_out_change(revision: Revision, right: RegisterRight, lease: Lease, *, between: Callable[[], None]) -> None:
    """Write the change and publish it.

    Raises:
        PathNotFoundError, ChangeRefusedError: it cannot be done; nothing of it is seen.
    """
    effect = write_change(right, revision, between=between)
    publish(right, at=backends().clock(), counts=effect.counts, also=lambda: lease.update(held_by=""))


def change_failed(revision: Revision, *, sentence: str, path: str, at: datetime) -> None:
    """Keep with the revision why it failed, and tell who asked; in the transaction that ends it."""
    note_failure(revision, sentence=sentence, path=path)
    if revision.by is None:
        return
    words, project = asked_words(revision), revision.project
    tell(
        revision.by,
        kind=f"files.not_{revision.kind}d",
        subject=f"Could not be done in {project.name}: {words}",
        text=f"You asked in {project.name} to {words}. It could not be done, and nothing was changed. {sentence}",
        path=files_path(project),
        at=at,
    )
