"""A download's state in words: a label with an icon, and one sentence or two that say whose turn it is.

"Waiting" is said only of what goes on by itself.
"""

from collections.abc import Mapping
from typing import Final

from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.states import DownloadState, TreeState
from moorage.transfers.wording import StateLabel

_LABELS: Final[Mapping[DownloadState, StateLabel]] = {
    DownloadState.REQUESTED: StateLabel("Waiting to be prepared", "hourglass-split", "active"),
    DownloadState.PREPARING: StateLabel("Preparing", "arrow-repeat", "active"),
    DownloadState.READY: StateLabel("Ready", "check-circle", "good"),
    DownloadState.EXPIRED: StateLabel("Expired", "clock-history", "neutral"),
    DownloadState.FAILED: StateLabel("Not prepared", "x-circle", "bad"),
    DownloadState.CANCELLED: StateLabel("Deleted", "trash", "neutral"),
}
_ENDED: Final = StateLabel("Ended", "x-circle", "bad")  # it has served, and must not any more


def download_label(download: Download) -> StateLabel:
    """The download's state as a word with an icon."""
    if download.current_state is DownloadState.FAILED and download.ready_at is not None:
        return _ENDED
    return _LABELS[download.current_state]


def download_text(download: Download) -> str:
    """One sentence or two: what is going on, and who has to do what next."""
    state, tree = download.current_state, download.tree
    if state is DownloadState.REQUESTED:
        return f"Waiting to be prepared.{_pause(download)} This goes on by itself."
    if state is DownloadState.PREPARING:
        pause = _pause(download)
        if pause:
            return f"Preparing, with a pause:{pause} This goes on by itself."
        doing = "putting it where Globus can reach it" if tree.step == "finish" else "linking and checking its files"
        return f"Preparing: {doing}. This page may be closed."
    if state is DownloadState.READY:
        return f"Ready. It is complete, and kept until {download.expires_at:%-d %B %Y}."
    if state is DownloadState.FAILED:
        return f"{download_label(download).label}. {download.reason_text}"
    return f"{download.reason_text}{_still_read(download)}"


def _pause(download: Download) -> str:
    return f" {download.tree.reason_text}" if download.tree.reason_text else ""


def _still_read(download: Download) -> str:
    tree = download.tree
    if tree.current_state is not TreeState.LEAVING or not tree.readers:
        return ""
    reading = "A transfer is" if tree.readers == 1 else f"{tree.readers} transfers are"
    return f" {reading} still reading from its folder, which stays until then; access to it has ended."
