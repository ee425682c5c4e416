"""Folders that a walk has still to enter."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from moorage.storage.waiting import WaitingFolders

names = st.lists(st.binary(min_size=1, max_size=3).filter(lambda name: not {0, 47} & set(name)), max_size=4)


@given(st.lists(st.one_of(st.none(), st.tuples(st.sampled_from([b"", b"a", b"a/b"]), names))))
def test_it_is_a_stack_of_paths(steps: list[tuple[bytes, list[bytes]] | None]) -> None:
    waiting, model = WaitingFolders(), list[bytes]()
    for step in steps:
        if step is None:
            assert waiting.take() == (model.pop() if model else None)
        else:
            above, below = step
            waiting.put(above, below)
            model += [above + b"/" + name if above else name for name in below]
    while model:
        assert waiting.take() == model.pop()
    assert waiting.take() is None


def test_of_many_folders_little_more_than_their_names_is_kept() -> None:
    waiting, number, each = WaitingFolders(), 50_000, 1_000
    tracemalloc.start()
    for first in range(0, number, each):
        waiting.put(b"a folder", [b"folder %09d" % (first + one) for one in range(each)])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < number * 24  # a name has 16 bytes
