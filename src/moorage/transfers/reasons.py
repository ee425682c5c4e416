"""Which identities have a reason for a rule on a folder of the collection (design §6). Rows only.

A staging area's is its uploader's, while she may upload; a download tree's are those of the members whose downloads
it serves, while they belong to the project.
"""

from uuid import UUID

from moorage.accounts.identities import usable_identities
from moorage.accounts.models import GlobusIdentity
from moorage.projects.rules import may_edit, role_of
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.states import DownloadState, TreeState
from moorage.transfers.models import Upload
from moorage.transfers.states import TAKES_FILES

UNUSABLE_STATUSES = ("closed",)

Identities = dict[UUID, GlobusIdentity]


def identities_for_upload(upload: Upload) -> Identities:
    """The identities that may write into an upload's area now."""
    if upload.current_state not in TAKES_FILES or not may_edit(upload.owner, upload.project):
        return {}
    return {one.identity_id: one for one in usable_identities(upload.owner).exclude(status__in=UNUSABLE_STATUSES)}


def identities_for_tree(tree: DownloadTree) -> Identities:
    """The identities that may read a tree now."""
    if tree.current_state is not TreeState.READY:
        return {}
    found: Identities = {}
    ready = Download.objects.in_state([DownloadState.READY]).filter(tree=tree).select_related("owner", "project")
    for owner, project in {(one.owner, one.project) for one in ready.order_by("created_at")}:
        if role_of(owner, project) is None:
            continue
        for identity in usable_identities(owner).exclude(status__in=UNUSABLE_STATUSES):
            found.setdefault(identity.identity_id, identity)
    return found
