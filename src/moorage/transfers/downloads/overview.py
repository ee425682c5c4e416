"""A download as its pages and the REST document show it to one member. Plain data; nothing is asked of Globus."""

from dataclasses import dataclass
from uuid import UUID

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.files.filters import NothingMatchesError
from moorage.globus.service import CollectionId
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.rules import may_decide
from moorage.transfers.downloads.states import LIVE, MAY_BE_ASKED_AGAIN, DownloadState, TreeState
from moorage.transfers.downloads.trees import tree_path
from moorage.transfers.downloads.wording import download_label, download_text
from moorage.transfers.models import GrantState
from moorage.transfers.overview import GlobusWay, best_grant
from moorage.transfers.wording import StateLabel


@dataclass(frozen=True)
class DownloadOverview:
    """One download for one viewer. What does not depend on the viewer or on words is read from `download`.

    `digests_name` is what the list of digests is called in the tree, `is_list_renamed` that the project has a file of
    the usual name. `way` has no path for those who have no download of this tree: its name is a secret.
    """

    download: Download
    label: StateLabel
    state_text: str
    selection: str
    way: GlobusWay | None
    no_rule_left: bool
    is_moving: bool  # Moorage is at work, so the page asks again
    digests_name: str
    is_list_renamed: bool
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
    state, tree, decides = download.current_state, download.tree, may_decide(viewer, download)
    way = _way(download, viewer) if download.owner_id == viewer.pk and state in LIVE else None
    return DownloadOverview(
        download=download,
        label=download_label(download),
        state_text=download_text(download),
        selection=selection_words(download),
        way=way,
        no_rule_left=way is not None and _lacks_a_rule(download, viewer),
        is_moving=state in {DownloadState.REQUESTED, DownloadState.PREPARING}
        or (way is not None and way.waits_for_rule)
        # Where a transfer still reads from it, that can last for days.
        or (tree.current_state is TreeState.LEAVING and not tree.readers),
        digests_name=tree.digests_name,
        is_list_renamed=tree.digests_name.startswith("moorage-"),
        may_extend=decides and state in LIVE,
        may_delete=decides and state is not DownloadState.CANCELLED,
        # What matched nothing will never match.
        may_ask_again=decides and state in MAY_BE_ASKED_AGAIN and download.reason != NothingMatchesError.code,
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


def _way(download: Download, viewer: Member) -> GlobusWay:
    """The links into Globus. "Goto Globus" is shown when the viewer's rule has been seen in the rule list."""
    links, tree = backends().links, download.tree
    path = tree_path(tree)
    identities = set(viewer.globus_identities.values_list("identity_id", flat=True))
    wanted = tree.grants.filter(desired=GrantState.GRANTED, identity_id__in=identities)
    own = list(wanted) if download.current_state is DownloadState.READY else []
    usable = best_grant([grant for grant in own if grant.actual == GrantState.GRANTED and grant.seen_at], viewer)
    collection = CollectionId(str(tree.collection_id))
    return GlobusWay(
        collection_id=UUID(collection),
        path=path,
        activity_url=links.activity(),
        goto_url=links.download_from(collection, path) if usable else None,
        sign_in_as=usable.username if usable else None,
        needs_identity=not identities if download.current_state is not DownloadState.READY else not own,
        waits_for_rule=bool(own) and usable is None,
    )


def _lacks_a_rule(download: Download, viewer: Member) -> bool:
    own = download.tree.grants.filter(desired=GrantState.GRANTED, member=viewer)
    return own.filter(trouble="globus.no_rule_left").exclude(actual=GrantState.GRANTED).exists()
