"""Place plain files: as `importer.batches.place` does, with the fewest steps for each. Runs in an executor's process.

Whatever is unusual about one of them (it is large, or foreign, has another name, is written to, or cannot be read) is
left to the usual way, which finds out what it is.
"""

import os
from pathlib import Path
from typing import Final

from moorage.files.paths import folder_key, name_key
from moorage.importer.batches.data import BUSY, VANISHED
from moorage.importer.batches.digest import trouble_of_area, trouble_of_store
from moorage.importer.batches.plain import (
    IDENTICAL,
    NEW,
    NEW_VERSION,
    AtName,
    PlainAnswer,
    PlainFolder,
    PlainOrder,
    all_odd,
    in_trouble,
    nothing_done,
)
from moorage.importer.words.paths import text_of
from moorage.storage.folders import OpenFolders
from moorage.storage.readlease import ignore_broken_leases
from moorage.storage.small_files import OddFileError, SmallFiles

MAX_BYTES: Final = 128 << 20  # of a batch; each ends with a sync
_LARGEST: Final = 2**63 - 1  # of a database's integers


def place_plain(order: PlainOrder) -> PlainAnswer:
    """Digest and place plain files; harmless when it is done twice. What is answered as rows is on disk.

    It stops when it has read as many bytes as a batch should.
    """
    ignore_broken_leases()
    try:
        with OpenFolders(Path(order.area)) as folders:
            return _place_all(order, folders)
    except OSError as error:
        return _undone(order, trouble_of_area(error, order.objects))


def _place_all(order: PlainOrder, folders: OpenFolders) -> PlainAnswer:
    answer = nothing_done()
    try:
        with SmallFiles(Path(order.objects), youngest_seconds=order.youngest_seconds) as small:
            for number, folder in enumerate(order.folders):
                if small.bytes_read >= MAX_BYTES:
                    answer.left.append((number, folder.names))
                    continue
                try:
                    above = folders.at(folder.path)
                except OSError:
                    answer.odd.extend((number, name) for name in folder.names)
                else:
                    _place_folder(number, folder, above, small, answer)
            # One call for the whole batch: bytes are on disk before a row says so.
            small.sync()
    except OSError as error:
        # The kernel tells only once that a write failed: it must not be forgotten.
        return _undone(order, trouble_of_store(error, order.objects))
    return answer


def _undone(order: PlainOrder, trouble: str) -> PlainAnswer:
    """What the usual way finds out for each file, or waits for itself, it does."""
    return all_odd(order) if trouble in {VANISHED, BUSY} else in_trouble(order, trouble)


def _place_folder(number: int, folder: PlainFolder, above: int, small: SmallFiles, answer: PlainAnswer) -> None:
    """Do the files of one folder, as long as the batch is not too long."""
    half, prefix = folder_key(folder.path), folder.path + b"/" if folder.path else b""
    standing_at, directory_id, linked = folder.standing, folder.directory_id, answer.linked
    known = {name: at_name[0] for name, at_name in standing_at.items()}
    texts = {name: text_of(name) for name in folder.names}
    answer.odd.extend((number, name) for name, text in texts.items() if not text)
    names = iter([name for name, text in texts.items() if text])
    for done in small.place(names, above, known):
        name = done[0]
        if len(done) == 1:
            answer.odd.append((number, name))
            continue
        try:
            _, digest, crc32, status, is_linked = done
            stamp = _stamp(status)
            row = (prefix + name, half + name_key(name), texts[name], *stamp, directory_id)
            standing = standing_at.get(name)
            if is_linked:
                linked += (*row, NEW if standing is None else NEW_VERSION, digest, crc32)
            elif standing is not None and digest == standing[0]:
                _confirm(small, standing, status.st_size)
                answer.standing.extend((*row, IDENTICAL, digest, crc32))
                answer.object_ids.append(standing[1])
            else:
                modified_ns = _modified_ns(small, digest, status.st_size)
                answer.reused.extend((*row, NEW if standing is None else NEW_VERSION, digest, crc32, modified_ns))
        except (OddFileError, OSError):
            answer.odd.append((number, name))
        if small.bytes_read >= MAX_BYTES:
            break
    if rest := list(names):
        answer.left.append((number, rest))


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    """Size, times and inode of a file, if a database can hold them."""
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if not (-_LARGEST <= stamp[1] <= _LARGEST and stamp[3] <= _LARGEST):
        raise OddFileError
    return stamp


def _confirm(small: SmallFiles, standing: AtName, size: int) -> None:
    """See that the object of the file that the project has is as it was when it was read."""
    digest, _, modified_ns = standing
    if _modified_ns(small, digest, size) != modified_ns:
        raise OddFileError


def _modified_ns(small: SmallFiles, digest: bytes, size: int) -> int:
    """When what a file's bytes are believed to be in already was modified.

    Raises:
        OddFileError: it has not their size.
    """
    found_size, modified_ns, *_ = _stamp(small.stat_object(digest))
    if found_size != size:
        raise OddFileError
    return modified_ns
