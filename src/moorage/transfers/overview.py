"""An upload as its pages and the REST document show it to one member. Plain data; nothing is asked of Globus."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.globus.service import CollectionId, CollectionPath
from moorage.transfers.cancelling import may_be_cancelled
from moorage.transfers.models import AccessGrant, CollectionWatch, GrantState, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.retrying import may_be_retried
from moorage.transfers.rules import may_finish
from moorage.transfers.states import TAKES_FILES, UPLOAD_TRANSITIONS, UploadState
from moorage.transfers.tasks import UploadTasks, sorted_tasks
from moorage.transfers.undo_wording import undo_words
from moorage.transfers.wording import StateLabel, Turn, state_label, state_note, state_text, whose_turn


@dataclass(frozen=True)
class GlobusWay:
    """How a member gets to a staging area or a download tree in Globus."""

    collection_id: UUID
    path: CollectionPath
    activity_url: str
    goto_url: str | None  # None: the viewer has no rule on the area, or it is not in the rule list yet
    sign_in_as: str | None
    needs_identity: bool  # it is the viewer's own, and she has linked no Globus identity
    waits_for_rule: bool  # a rule was asked for and is not seen yet


@dataclass(frozen=True)
class UploadOverview:
    """One upload for one viewer. What does not depend on the viewer or on words is read from `upload`."""

    upload: Upload
    label: StateLabel
    state_text: str
    note: str  # what of an import is to be known in few words; empty where all is well
    turn: Turn
    globus: GlobusWay
    tasks: UploadTasks
    tasks_as_of: datetime | None
    globus_trouble: str
    waiting_for_quiet: bool
    stray_files: int
    expires_at: datetime | None
    may_finish: bool
    may_take_back: bool
    may_delete: bool
    may_retry: bool
    may_cancel: bool
    may_rename: bool

    @property
    def detail(self) -> str:
        """The sentence without the state's own word, for a page that shows the label above it."""
        return self.state_text.removeprefix(f"{self.label.label.partition(',')[0]}. ")


def overview(upload: Upload, *, viewer: Member) -> UploadOverview:
    """What `viewer`, who may see the upload, is shown of it and may do with it."""
    decides = may_finish(viewer, upload)
    state = upload.current_state
    watch = CollectionWatch.objects.filter(pk=upload.collection_id).first()
    wished = state is UploadState.OPEN and upload.wish_at is not None
    undone = undo_words(upload)
    can_be_discarded = UploadState.DISCARDING in UPLOAD_TRANSITIONS[state] and not upload.has_published
    return UploadOverview(
        upload=upload,
        label=undone.label if undone else state_label(upload),
        state_text=undone.sentence if undone else state_text(upload),
        note="" if undone else state_note(upload),
        turn=undone.turn if undone else whose_turn(upload),
        globus=globus_way(upload, viewer=viewer),
        tasks=sorted_tasks(upload),
        tasks_as_of=watch.tasks_as_of if watch else None,
        globus_trouble=watch.trouble if watch else "",
        waiting_for_quiet=wished,
        stray_files=sum(stray.files for stray in upload.stray_areas.all()),
        expires_at=upload.expires_at if can_be_discarded else None,
        may_finish=decides and state is UploadState.OPEN,
        may_take_back=decides and wished,
        may_delete=decides and can_be_discarded,
        may_retry=decides and may_be_retried(upload),
        may_cancel=decides and may_be_cancelled(upload),
        may_rename=decides and state in TAKES_FILES,
    )


def globus_way(upload: Upload, *, viewer: Member) -> GlobusWay:
    """The links into Globus. "Goto Globus" is for those whose rule has been seen in the collection's rule list."""
    links = backends().links
    path = area_path(upload.area_name)
    own = [grant for grant in upload.grants.all() if grant.member_id == viewer.pk and _is_wanted(grant)]
    seen = [grant for grant in own if grant.actual == GrantState.GRANTED and grant.seen_at]
    usable = best_grant(seen, viewer) if upload.current_state is UploadState.OPEN else None
    takes_files = upload.current_state in TAKES_FILES
    return GlobusWay(
        collection_id=upload.collection_id,
        path=path,
        activity_url=links.activity(),
        goto_url=links.upload_to(CollectionId(str(upload.collection_id)), path) if usable else None,
        sign_in_as=usable.username if usable else None,
        needs_identity=takes_files and upload.owner_id == viewer.pk and not own,
        waits_for_rule=takes_files and bool(own) and usable is None,
    )


def best_grant(grants: list[AccessGrant], viewer: Member) -> AccessGrant | None:
    """The grant of an identity that the viewer has signed in with, if there is one."""
    if len(grants) < 2:
        return grants[0] if grants else None
    verified = viewer.globus_identities.filter(verified_at__isnull=False).order_by("linked_at")
    return best_of(grants, list(verified.values_list("identity_id", flat=True)))


def best_of(grants: list[AccessGrant], verified: Sequence[UUID]) -> AccessGrant | None:
    """The same where the identities that the viewer has signed in with are known, in the order of their linking."""
    if not grants:
        return None
    rank = {identity_id: number for number, identity_id in enumerate(verified)}
    return min(grants, key=lambda grant: (rank.get(grant.identity_id, len(rank)), grant.username))


def _is_wanted(grant: AccessGrant) -> bool:
    return grant.desired == GrantState.GRANTED
