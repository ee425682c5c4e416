"""How much room is left for uploads: free space above the floor below which nothing new is taken in."""

from dataclasses import dataclass

from moorage.backends import backends
from moorage.errors import QuotaExceededError
from moorage.storage.room import FreeSpace, free_space


@dataclass(frozen=True)
class Room:
    """Bytes of the store's file system: free, and of these above the floor."""

    free_bytes: int
    left_bytes: int


class NoRoomError(QuotaExceededError):
    """The store's disk is filled to its floor."""

    code = "upload.no_room"

    def __init__(self, room: Room, floor_bytes: int) -> None:
        super().__init__(
            f"There is no room for a new upload: {room.free_bytes:,} bytes are free and {floor_bytes:,} are kept "
            "free. Finish or delete open uploads, or ask the operator for more disk."
        )
        self.free_bytes = room.free_bytes
        self.floor_bytes = floor_bytes


def room_left() -> Room:
    """The room on the store's file system now.

    Raises:
        StoreAwayError: the store is not there.
    """
    space, above = _space()
    return Room(free_bytes=space.free_bytes, left_bytes=max(0, above))


def check_room() -> None:
    """Raise NoRoomError when no new upload may open, StoreAwayError when there is no telling."""
    space, above = _space()
    if above <= 0:
        raise NoRoomError(Room(space.free_bytes, 0), floor_bytes=space.free_bytes - above)


def _space() -> tuple[FreeSpace, int]:
    """The room of the store's file system, and how many bytes of it are above the floor."""
    outside = backends()
    outside.store.check_is_there()
    space, policies = free_space(outside.store.root), outside.policies
    return space, space.above_floor(percent=policies.free_floor_percent, floor_bytes=policies.free_floor_bytes)
