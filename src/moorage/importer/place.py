"""Place: a batch of staged files, each read once and put into the object store. Runs in an executor's process.

A read lease is held from before the first byte is read until the object has its name: whoever
wants to write meanwhile waits, and who could write before is seen (design §5).
"""

from pathlib import Path

from moorage.importer import batches
from moorage.importer.batches import Answer, BatchOrder, FileTrouble, PlacedFile, StagedFile
from moorage.importer.digest import NotAFileError, digest_staged, open_staged, trouble_of
from moorage.storage.digests import Digest, FileChangedError, stamp_of_open
from moorage.storage.folders import OpenFolders
from moorage.storage.objects import ObjectStore, OtherSizeError
from moorage.storage.readlease import ReadLease, StillOpenError, read_lease


def place_batch(order: BatchOrder) -> Answer:
    """Digest and place the files of a batch; harmless when it is done twice.

    Every file has an answer. What is answered as placed is on disk.
    """
    try:
        with OpenFolders(Path(order.area)) as folders, ObjectStore(Path(order.objects)) as store:
            answer = [_place(order, file, folders, store) for file in order.files]
            # One call for the whole batch: bytes are on disk before a row says so.
            store.sync()
    except OSError as error:
        return [_trouble(order, file, error) for file in order.files]
    return answer


def _place(order: BatchOrder, file: StagedFile, folders: OpenFolders, store: ObjectStore) -> PlacedFile | FileTrouble:
    try:
        with open_staged(folders, file.path) as descriptor, read_lease(descriptor) as lease:
            return _place_open(order, file, descriptor, lease, store)
    except FileChangedError:
        return FileTrouble(file.entry_id, batches.CHANGED)
    except StillOpenError:
        return FileTrouble(file.entry_id, batches.STILL_OPEN)
    except OtherSizeError:
        return FileTrouble(file.entry_id, batches.OTHER_SIZE)
    except NotAFileError:
        return FileTrouble(file.entry_id, batches.NOT_A_FILE)
    except OSError as error:
        return _trouble(order, file, error)


def _trouble(order: BatchOrder, file: StagedFile, error: OSError) -> FileTrouble:
    code = trouble_of(error)
    if code == batches.VANISHED and not Path(order.objects).is_dir():
        # Not this file is gone but the whole store, such as a file system that is not mounted: wait for it.
        code = batches.NO_ROOM
    return FileTrouble(file.entry_id, code, str(error))


def _place_open(
    order: BatchOrder, file: StagedFile, descriptor: int, lease: ReadLease, store: ObjectStore
) -> PlacedFile:
    found = digest_staged(descriptor, file, order)
    is_quiet = order.quiet_since_ns is not None and found.stamp.changed_ns < order.quiet_since_ns
    if not lease.is_held and not is_quiet:
        raise StillOpenError
    lease.check()
    placed = store.place(
        descriptor,
        digest=Digest(found.digest),
        stamp=found.stamp,
        lease=lease,
        is_quiet=is_quiet,
        is_unproven=file.is_unproven,
        anew=file.anew,
    )
    return PlacedFile(file.entry_id, found.digest, found.crc32, stamp_of_open(descriptor), placed.stamp, placed.how)
