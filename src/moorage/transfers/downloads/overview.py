"""A download as its pages and the REST document show it to one member. Plain data; nothing is asked of Globus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from moorage.accounts.models import GlobusIdentity, Member
from moorage.backends import backends
from moorage.files.archives.lists import DIGESTS_NAME, FACTS_NAME
from moorage.files.filters import NothingMatchesError
from moorage.globus.service import CollectionId
from moorage.projects.models import Role
from moorage.projects.rules import roles_of
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.rules import decides
from moorage.transfers.downloads.states import LIVE, MAY_BE_ASKED_AGAIN, DownloadState, TreeState
from moorage.transfers.downloads.trees import tree_path
from moorage.transfers.downloads.wording import download_label, download_text
from moorage.transfers.models import AccessGrant, GrantState
from moorage.transfers.overview import GlobusWay, best_of
from moorage.transfers.wording import StateLabel


@dataclass(frozen=True)
class DownloadOverview:
    """One download for one viewer. What does not depend on the viewer or on words is read from `download`.

    `digests_name` and `facts_name` are what our lists are called in the tree, `taken_names` their usual names where the
    project has files of these. `way` has no path for those who have no download of this tree: its name is a secret.
    """

    download: Download
    label: StateLabel
    state_text: str
    selection: str
    way: GlobusWay | None
    no_rule_left: bool
    is_moving: bool  # Moorage is at work, so the page asks again
    digests_name: str
    facts_name: str
    taken_names: tuple[str, ...]
    may_extend: bool
    may_delete: bool
    may_ask_again: bool

    @property
    def is_live(self) -> bool:
        """Whether it is served, or is to be."""
        return self.download.current_state in LIVE

    @property
    def detail(self) -> str:
        """The sentence without the state's own word, for a page that shows the label above it."""
        return self.state_text.removeprefix(f"{self.label.label}. ")


def download_overview(download: Download, *, viewer: Member) -> DownloadOverview:
    """What `viewer`, who may see the download, is shown of it and may do with it."""
    return download_overviews([download], viewer=viewer)[0]


def download_overviews(downloads: Sequence[Download], *, viewer: Member) -> list[DownloadOverview]:
    """The same of several, in as many queries as of one; each brings its tree, project and owner along."""
    own = [download.tree_id for download in downloads if _has_a_way(download, viewer)]
    identities = list(viewer.globus_identities.order_by("linked_at")) if own else []
    wanted = AccessGrant.objects.filter(tree__in=own, desired=GrantState.GRANTED)
    hers = Q(member=viewer) | Q(identity_id__in=[one.identity_id for one in identities])
    grants: dict[UUID | None, list[AccessGrant]] = {}
    for grant in wanted.filter(hers) if own else ():
        grants.setdefault(grant.tree_id, []).append(grant)
    viewing = _Viewing(viewer, roles_of(viewer, {one.project_id for one in downloads}), identities, grants)
    return [_overview(download, viewing) for download in downloads]


@dataclass(frozen=True)
class _Viewing:
    """What is known of a viewer, for all downloads that she is shown: her roles by project, identities in the order in
    which they were linked, and the wanted grants of her own trees that are hers, by tree.
    """

    viewer: Member
    roles: Mapping[UUID, Role]
    identities: Sequence[GlobusIdentity]
    grants: Mapping[UUID | None, Sequence[AccessGrant]]


def _has_a_way(download: Download, viewer: Member) -> bool:
    return download.owner_id == viewer.pk and download.current_state in LIVE


def _overview(download: Download, viewing: _Viewing) -> DownloadOverview:
    state, tree, viewer = download.current_state, download.tree, viewing.viewer
    may_decide = decides(viewer, download, role=viewing.roles.get(download.project_id))
    way = _way(download, viewing) if _has_a_way(download, viewer) else None
    return DownloadOverview(
        download=download,
        label=download_label(download),
        state_text=download_text(download),
        selection=selection_words(download),
        way=way,
        no_rule_left=way is not None and _lacks_a_rule(viewing.grants.get(tree.pk, ()), viewer),
        is_moving=state in {DownloadState.REQUESTED, DownloadState.PREPARING}
        or (way is not None and way.waits_for_rule)
        # Where a transfer still reads from it, that can last for days.
        or (tree.current_state is TreeState.LEAVING and not tree.readers),
        digests_name=tree.digests_name,
        facts_name=tree.facts_name,
        taken_names=tuple(
            usual
            for usual, name in ((DIGESTS_NAME, tree.digests_name), (FACTS_NAME, tree.facts_name))
            if name not in {"", usual}
        ),
        may_extend=may_decide and state in LIVE,
        may_delete=may_decide and state is not DownloadState.CANCELLED,
        # What matched nothing will never match.
        may_ask_again=may_decide and state in MAY_BE_ASKED_AGAIN and download.reason != NothingMatchesError.code,
    )


def selection_words(download: Download) -> str:
    """What was chosen, in words: "the whole project", a path, or how many; and the filter."""
    tree = download.tree
    if not tree.paths:
        words = "the whole project"
    elif len(tree.paths) == 1:
        words = str(tree.paths[0])
    else:
        words = f"{len(tree.paths):,} files and folders"
    return f"{words}, only {', '.join(tree.filter.splitlines())}" if tree.filter else words


def _way(download: Download, viewing: _Viewing) -> GlobusWay:
    """The links into Globus. "Goto Globus" is shown when the viewer's rule has been seen in the rule list."""
    links, tree = backends().links, download.tree
    path = tree_path(tree)
    identities = {one.identity_id for one in viewing.identities}
    is_ready = download.current_state is DownloadState.READY
    wanted = viewing.grants.get(tree.pk, ()) if is_ready else ()
    own = [grant for grant in wanted if grant.identity_id in identities]
    seen = [grant for grant in own if grant.actual == GrantState.GRANTED and grant.seen_at]
    usable = best_of(seen, [one.identity_id for one in viewing.identities if one.verified_at is not None])
    collection = CollectionId(str(tree.collection_id))
    return GlobusWay(
        collection_id=UUID(collection),
        path=path,
        activity_url=links.activity(),
        goto_url=links.download_from(collection, path) if usable else None,
        sign_in_as=usable.username if usable else None,
        needs_identity=not (own if is_ready else identities),
        waits_for_rule=bool(own) and usable is None,
    )


def _lacks_a_rule(wanted: Sequence[AccessGrant], viewer: Member) -> bool:
    own = [grant for grant in wanted if grant.member_id == viewer.pk]
    return any(grant.trouble == "globus.no_rule_left" and grant.actual != GrantState.GRANTED for grant in own)
