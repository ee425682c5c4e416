"""Why a staged path is not imported: a stable dotted code, and a sentence that ends with the next step.

The sentences are kept on the entry, so that a receipt says later what was said then.
"""

from typing import Final, NamedTuple


class Reason(NamedTuple):
    code: str
    sentence: str


NOT_UTF8: Final = Reason(
    "path.not_utf8", "The name is not valid UTF-8. Rename it where it comes from, and send it in another upload."
)
CONTROL_CHARACTERS: Final = Reason(
    "path.control_characters",
    "The name has control characters, such as a line break. "
    "Rename it where it comes from, and send it in another upload.",
)
NAME_TOO_LONG: Final = Reason(
    "path.name_too_long", "The name is longer than 255 bytes. Shorten it, and send it in another upload."
)
PATH_TOO_LONG: Final = Reason(
    "path.too_long",
    "The path is longer than 4,096 bytes; what lies below it is not imported either. "
    "Send it in another upload with fewer or shorter folder names.",
)
NOT_A_NAME: Final = Reason(
    "path.not_a_name", "This cannot be a name in a project. Rename it, and send it in another upload."
)

SYMLINK: Final = Reason(
    "entry.symlink",
    "A symbolic link is not followed. Send the file that it points to in another upload if it belongs to the data.",
)
NOT_A_FILE: Final = Reason(
    "entry.not_a_file", "This is a device, a socket or a pipe and holds no data. Nothing needs to be done."
)
UNREADABLE: Final = Reason(
    "entry.unreadable",
    "It cannot be read. Ask the operator to make it readable and press Retry, or send it in another upload.",
)
UNREADABLE_FOLDER: Final = Reason(
    "entry.unreadable_folder",
    "The folder cannot be read, so what it holds is not known. "
    "Ask the operator to make it readable and press Retry, or send it in another upload.",
)
VANISHED: Final = Reason(
    "entry.vanished", "It disappeared from the staging area after it was listed. Send it in another upload."
)
READ_ERROR: Final = Reason(
    "entry.read_error",
    "The disk failed while it was read or stored. Press Retry; if it fails again, tell the operator.",
)
NOT_STORED: Final = Reason(
    "entry.not_stored",
    "The object store refuses to take it. Ask the operator to look at the store's folders, and press Retry.",
)
NOTHING_LEFT_TO_OPEN_IT: Final = Reason(
    "entry.not_opened",
    "The machine had no open files or memory left for it. Press Retry; if it fails again, tell the operator.",
)
STILL_OPEN: Final = Reason(
    "entry.still_open",
    "Something still has it open for writing. Press Retry when the writer has ended, or send it in another upload.",
)
KEPT_CHANGING: Final = Reason(
    "entry.kept_changing",
    "It was changed while it was read. Press Retry when its writer has ended, or send it in another upload.",
)
DOUBTFUL: Final = Reason(
    "entry.doubtful",
    "A transfer that failed or was stopped may have left it incomplete. "
    "Retry with doubtful files included if it is complete, or send it in another upload.",
)

DIFFERS: Final = Reason(
    "entry.differs",
    "It is not what the list of digests says. Send it again in another upload, "
    "or retry with doubtful files included if the list is wrong.",
)
NOT_SELECTED: Final = Reason(
    "entry.not_selected",
    "It is not in the part that was chosen. Retry with it among the chosen paths to import it too.",
)
NOT_THERE: Final = Reason(
    "entry.not_there",
    "This path was chosen, and nothing in the upload has it. Where something else is left to import, retry with the "
    "right path; what has not arrived, send in another upload.",
)
KEPT_AS_IT_IS: Final = Reason(
    "entry.exists",
    "The project has a file here, and this import keeps the project's. "
    "Retry with new versions: it is imported unless it turns out to be identical.",
)


IGNORED: Final = "entry.ignored"
LEFT_OUT: Final = (NOT_SELECTED.code, IGNORED, KEPT_AS_IT_IS.code)  # by a rule, or by who chose what to import
DOUBT: Final = (DOUBTFUL.code, DIFFERS.code)
BAD_RULES: Final = "ignore.bad_rules"  # of a preview: lines of the upload's own ignore rules that do not count
BAD_LIST: Final = "list.not_compared"  # a list of digests that was found and cannot be compared with
NOT_USED: Final = "list.not_used"  # rows of a list of digests that was found, where others count instead


def ignored(rule: str) -> Reason:
    return Reason(IGNORED, f"Left out by the rule {rule}. Retry with skipped files included to import it too.")


def file_in_place_of_folder() -> Reason:
    return Reason(
        "path.folder_there",
        "The project has a folder of this name. Rename the file, or move the folder, and send it in another upload.",
    )


def folder_in_place_of_file(blocking: str) -> Reason:
    return Reason(
        "path.file_there",
        f"The project has a file at {blocking}, where this upload has a folder. "
        "Rename one of them, and send it in another upload.",
    )


def file_in_place_of_target(blocking: str) -> Reason:
    return Reason(
        "path.target_is_file",
        f"The project has a file at {blocking}, where the files were to go as into a folder. "
        "Retry with another folder; nothing needs to be sent again.",
    )


LOOKS_ALIKE: Final = "path.looks_alike"  # warning: another name here differs only in case or Unicode normal form
INCLUDED_ALTHOUGH_DOUBTFUL: Final = "entry.included_although_doubtful"  # warning, of a file and of a run
