"""Place: a batch of staged files, each read once and put into the object store. Runs in an executor's process.

A read lease is held from before the first byte is read until the object has its name: whoever
wants to write meanwhile waits, and who could write before is seen (design §5).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from moorage.importer.batches import data
from moorage.importer.batches.data import Answer, BatchOrder, File, FileTrouble, Hint, PlacedFile, flat
from moorage.importer.batches.digest import (
    DiffersError,
    NotAFileError,
    StoreRefusesError,
    digest_staged,
    look_at_open,
    open_staged,
    trouble_of_area,
    trouble_of_store,
)
from moorage.storage.digests import Digest, FileChangedError, stamp_of
from moorage.storage.folders import OpenFolders
from moorage.storage.objects import ObjectStore
from moorage.storage.placing import OtherSizeError
from moorage.storage.readlease import ReadLease, StillOpenError, ignore_broken_leases, take_read_lease

# What to do with one file that is open and on which a read lease was asked for.
Act = Callable[[BatchOrder, int, File, int, ReadLease], PlacedFile]


def place_batch(order: BatchOrder) -> Answer:
    """Digest and place the files of a batch; harmless when it is done twice.

    Every file has an answer. What is answered as placed is on disk.
    """
    ignore_broken_leases()
    try:
        with OpenFolders(Path(order.area)) as folders, ObjectStore(Path(order.objects)) as store:
            answer = _each(order, folders, _placing(store))
            # One call for the whole batch: bytes are on disk before a row says so.
            try:
                store.sync()
            except OSError as error:
                return _all_in_trouble(order, error, trouble_of_store(error, order.objects))
    except OSError as error:
        return _all_in_trouble(order, error, trouble_of_area(error, order.objects))
    return answer


def digest_batch(order: BatchOrder) -> Answer:
    """Digest the files of a batch, of an area that may still be written to; the store is not touched.

    A file that somebody writes to has no digest yet.
    """
    ignore_broken_leases()
    try:
        with OpenFolders(Path(order.area)) as folders:
            return _each(order, folders, _digesting)
    except OSError as error:
        return _all_in_trouble(order, error, trouble_of_area(error, order.objects))


def _all_in_trouble(order: BatchOrder, error: OSError, code: str) -> Answer:
    return Answer([], [FileTrouble(index, code, str(error)) for index in range(len(order.files))])


def _each(order: BatchOrder, folders: OpenFolders, act: Act) -> Answer:
    answer = Answer([], [])
    for index, file in enumerate(order.files):
        found = _one(order, index, file, folders, act)
        if isinstance(found, PlacedFile):
            answer.placed.append(flat(found))
        else:
            answer.troubles.append((found.position, found.code, found.detail))
    return answer


def _one(order: BatchOrder, index: int, file: File, folders: OpenFolders, act: Act) -> PlacedFile | FileTrouble:
    try:
        descriptor = open_staged(folders, file[0])
        try:
            # Closing the file gives the lease back.
            return act(order, index, file, descriptor, take_read_lease(descriptor))
        finally:
            os.close(descriptor)
    except DiffersError as differs:
        found = differs.found
        return PlacedFile(index, found.digest, found.crc32, found.stamp, found.stamp, data.DIFFERS)
    except (FileChangedError, StillOpenError, OtherSizeError, NotAFileError) as error:
        return FileTrouble(index, _TROUBLES[type(error)])
    except StoreRefusesError as refusal:
        return FileTrouble(index, trouble_of_store(refusal.error, order.objects), str(refusal.error))
    except OSError as error:
        return FileTrouble(index, trouble_of_area(error, order.objects), str(error))


_TROUBLES: Final[Mapping[type[Exception], str]] = {
    FileChangedError: data.CHANGED,
    StillOpenError: data.STILL_OPEN,
    OtherSizeError: data.OTHER_SIZE,
    NotAFileError: data.NOT_A_FILE,
}


def _placing(store: ObjectStore) -> Act:
    def place(order: BatchOrder, index: int, file: File, descriptor: int, lease: ReadLease) -> PlacedFile:
        status, known = look_at_open(descriptor), file[2] or _NOTHING_KNOWN
        if not lease.is_held and not (order.are_old and known.stamp == stamp_of(status)):
            raise StillOpenError
        found = digest_staged(descriptor, status, lease, known, order)
        try:
            # Without a lease it is copied: it may be open after all, by somebody who has not written for long.
            placed = store.place(
                descriptor,
                digest=Digest(found.digest),
                status=status,
                lease=lease,
                is_expected=bool(known.expects) and known.expects == found.digest,
                is_unproven=known.is_unproven,
                anew=known.anew,
            )
        except OSError as error:
            raise StoreRefusesError(error) from error
        return PlacedFile(index, found.digest, found.crc32, placed.staged, placed.stamp, placed.how)

    return place


def _digesting(order: BatchOrder, index: int, file: File, descriptor: int, lease: ReadLease) -> PlacedFile:
    found = digest_staged(descriptor, look_at_open(descriptor), lease, file[2], order)
    return PlacedFile(index, found.digest, found.crc32, found.stamp, found.stamp, "digested")


_NOTHING_KNOWN: Final = Hint()
