"""The next step that a reason ends with: what is right after an import, as it is kept, before it, and later. Pure.

The reasons themselves are in `reasons`.
"""

from typing import Final, NamedTuple


class Reason(NamedTuple):
    code: str
    sentence: str


class Steps(NamedTuple):
    """What to do next `after` an import, as long as the upload is `open`, and once what was left has `gone`.

    Where the last is empty, it is as after the import.
    """

    after: str
    open: str
    gone: str = ""


_STEPS: Final[dict[str, Steps]] = {}  # by code


def keep(code: str, steps: Steps) -> None:
    """Know the steps of a code, whose sentences end with one of them."""
    _STEPS[code] = steps


def with_steps(code: str, told: str, after: str, *, open: str, gone: str = "") -> Reason:  # noqa: A002 - the upload is
    """A reason of what is `told`, with its steps."""
    keep(code, Steps(after, open, gone))
    return Reason(code, f"{told} {after}")


def without_step(code: str, sentence: str) -> str:
    """A sentence without its next step, where a button beside it is that."""
    return sentence.removesuffix(_step_of(code, sentence)).rstrip()


def advised(code: str, sentence: str, *, is_open: bool, is_gone: bool = False) -> str:
    """A sentence with the next step that is right where it is read: files can still be sent into an upload that
    `is_open`, and what `is_gone` cannot be retried any more.
    """
    steps = _STEPS.get(code)
    if steps is None or not _step_of(code, sentence):
        return sentence
    after = (is_gone and steps.gone) or steps.after
    return f"{without_step(code, sentence)} {steps.open if is_open else after}"


def _step_of(code: str, sentence: str) -> str:
    """The step that a sentence ends with; empty where it is none of those known, such as one of an earlier version."""
    return next((step for step in _STEPS.get(code, ()) if step and sentence.endswith(step)), "")
