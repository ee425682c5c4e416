"""Why a staged path is not imported: a stable dotted code, and a sentence that ends with the next step.

The sentences are kept on the entry, so that a receipt says later what was said then. What is kept is right after an
import; `advice.advised` puts the step in its place that is right where it is read.
"""

from typing import Final

from moorage.importer.words.advice import Reason, Steps, keep, with_steps

_SEND_ELSEWHERE: Final = "Send it in another upload."
_RENAME: Final = "Rename it where it comes from, and send it in another upload."
_RENAME_NOW: Final = "Rename it where it comes from, and send it again."
_WHEN_IT_ENDED: Final = "Look again when its writer has ended."

NOT_UTF8: Final = with_steps("path.not_utf8", "The name is not valid UTF-8.", _RENAME, open=_RENAME_NOW)
CONTROL_CHARACTERS: Final = with_steps(
    "path.control_characters",
    "The name has control characters, such as a line break.",
    _RENAME,
    open=_RENAME_NOW,
)
NAME_TOO_LONG: Final = with_steps(
    "path.name_too_long",
    "The name is longer than 255 bytes.",
    "Shorten it, and send it in another upload.",
    open="Shorten it, and send it again.",
)
PATH_TOO_LONG: Final = with_steps(
    "path.too_long",
    "The path is longer than 4,096 bytes; what lies below it is not imported either.",
    "Send it in another upload with fewer or shorter folder names.",
    open="Send it again with fewer or shorter folder names.",
)
NOT_A_NAME: Final = with_steps(
    "path.not_a_name",
    "This cannot be a name in a project.",
    "Rename it, and send it in another upload.",
    open="Rename it, and send it again.",
)

SYMLINK: Final = with_steps(
    "entry.symlink",
    "A symbolic link is not followed.",
    "Send the file that it points to in another upload if it belongs to the data.",
    open="Send the file that it points to if it belongs to the data.",
)
NOT_A_FILE: Final = Reason(
    "entry.not_a_file", "This is a device, a socket or a pipe and holds no data. Nothing needs to be done."
)
UNREADABLE: Final = with_steps(
    "entry.unreadable",
    "It cannot be read.",
    "Ask the operator to make it readable and press Retry, or send it in another upload.",
    open="Ask the operator to make it readable, or send it again.",
    gone=_SEND_ELSEWHERE,
)
UNREADABLE_FOLDER: Final = with_steps(
    "entry.unreadable_folder",
    "The folder cannot be read, so what it holds is not known.",
    "Ask the operator to make it readable and press Retry, or send it in another upload.",
    open="Ask the operator to make it readable, or send it again.",
    gone=_SEND_ELSEWHERE,
)
VANISHED: Final = with_steps(
    "entry.vanished",
    "It disappeared from the staging area after it was listed.",
    _SEND_ELSEWHERE,
    open="Send it again if it is to be imported.",
)
READ_ERROR: Final = with_steps(
    "entry.read_error",
    "The disk failed while it was read or stored.",
    "Press Retry; if it fails again, tell the operator.",
    open="Look again; if it fails again, tell the operator.",
    gone=_SEND_ELSEWHERE,
)
NOT_STORED: Final = with_steps(
    "entry.not_stored",
    "The object store refuses to take it.",
    "Ask the operator to look at the store's folders, and press Retry.",
    open="Ask the operator to look at the store's folders.",
    gone=_SEND_ELSEWHERE,
)
NOTHING_LEFT_TO_OPEN_IT: Final = with_steps(
    "entry.not_opened",
    "The machine had no open files or memory left for it.",
    "Press Retry; if it fails again, tell the operator.",
    open="Look again; if it fails again, tell the operator.",
    gone=_SEND_ELSEWHERE,
)
STILL_OPEN: Final = with_steps(
    "entry.still_open",
    "Something still has it open for writing.",
    "Press Retry when the writer has ended, or send it in another upload.",
    open=_WHEN_IT_ENDED,
    gone=_SEND_ELSEWHERE,
)
KEPT_CHANGING: Final = with_steps(
    "entry.kept_changing",
    "It was changed while it was read.",
    "Press Retry when its writer has ended, or send it in another upload.",
    open=_WHEN_IT_ENDED,
    gone=_SEND_ELSEWHERE,
)
DOUBTFUL: Final = with_steps(
    "entry.doubtful",
    "A transfer that failed or was stopped may have left it incomplete.",
    "Retry with doubtful files included if it is complete, or send it in another upload.",
    open="Send it again, or have doubtful files included if it is complete.",
    gone=_SEND_ELSEWHERE,
)
BEING_WRITTEN: Final = with_steps(
    "entry.being_written",
    "A transfer that is still running may not have finished it.",
    "Retry when that transfer has ended, or send it in another upload.",
    open="Wait until that transfer has ended, and look again: included before, it may be imported half-written.",
    gone=_SEND_ELSEWHERE,
)

DIFFERS: Final = with_steps(
    "entry.differs",
    "It is not what the list of digests says.",
    "Send it again in another upload, or retry with doubtful files included if the list is wrong.",
    open="Send it again, or have doubtful files included if the list is wrong.",
    gone="Send it again in another upload.",
)
NOT_SELECTED: Final = with_steps(
    "entry.not_selected",
    "It is not in the part that was chosen.",
    "Retry with it among the chosen paths to import it too.",
    open="Choose it to import it too.",
    gone=_SEND_ELSEWHERE,
)
NOT_THERE: Final = Reason(
    "entry.not_there",
    "This path was chosen, and nothing in the upload has it. Where something else is left to import, retry with the "
    "right path; what has not arrived, send in another upload.",
)
KEPT_AS_IT_IS: Final = with_steps(
    "entry.exists",
    "The project has a file here, and this import keeps the project's.",
    "Retry with new versions: it is imported unless it turns out to be identical.",
    open="Choose new versions: it is imported unless it turns out to be identical.",
    gone=_SEND_ELSEWHERE,
)


IGNORED: Final = "entry.ignored"
LEFT_OUT: Final = (NOT_SELECTED.code, IGNORED, KEPT_AS_IT_IS.code)  # by a rule, or by who chose what to import
DOUBT: Final = (DOUBTFUL.code, BEING_WRITTEN.code, DIFFERS.code)
BAD_RULES: Final = "ignore.bad_rules"  # of a preview: lines of the upload's own ignore rules that do not count
BAD_LIST: Final = "list.not_compared"  # a list of digests that was found and cannot be compared with
NOT_USED: Final = "list.not_used"  # rows of a list of digests that was found, where others count instead

_IGNORED: Final = Steps(
    "Retry with skipped files included to import it too.",
    open="Have skipped files included to import it too.",
    gone=_SEND_ELSEWHERE,
)
_FOLDER_THERE: Final = Steps(
    "Rename the file, or move the folder, and send it in another upload.", open="Rename the file, or move the folder."
)
_FILE_THERE: Final = Steps("Rename one of them, and send it in another upload.", open="Rename one of them.")
_TARGET_IS_FILE: Final = Steps(
    "Retry with another folder; nothing needs to be sent again.",
    open="Choose another folder; nothing needs to be sent again.",
    gone=_SEND_ELSEWHERE,
)
_BAD_LIST: Final = Steps(
    "Send a mended list before a retry, or with the files in another upload.",
    open="Mend it and send it again.",
    gone="Send a mended list with the files in another upload.",
)
IN_THE_WAY: Final = ("path.folder_there", "path.file_there", "path.target_is_file")  # of what the project has
for _code, _steps in zip(IN_THE_WAY, (_FOLDER_THERE, _FILE_THERE, _TARGET_IS_FILE), strict=True):
    keep(_code, _steps)
keep(IGNORED, _IGNORED)
keep(BAD_LIST, _BAD_LIST)


def ignored(rule: str) -> Reason:
    return Reason(IGNORED, f"Left out by the rule {rule}. {_IGNORED.after}")


def file_in_place_of_folder() -> Reason:
    return Reason("path.folder_there", f"The project has a folder of this name. {_FOLDER_THERE.after}")


def folder_in_place_of_file(blocking: str) -> Reason:
    return Reason(
        "path.file_there",
        f"The project has a file at {blocking}, where this upload has a folder. {_FILE_THERE.after}",
    )


def file_in_place_of_target(blocking: str) -> Reason:
    return Reason(
        "path.target_is_file",
        f"The project has a file at {blocking}, where the files were to go as into a folder. {_TARGET_IS_FILE.after}",
    )


LOOKS_ALIKE: Final = "path.looks_alike"  # warning: another name here differs only in case or Unicode normal form
INCLUDED_ALTHOUGH_DOUBTFUL: Final = "entry.included_although_doubtful"  # warning, of a file and of a run
