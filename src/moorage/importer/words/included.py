"""What is said of a file that was imported although it is doubtful, or not what a list of digests says."""

from typing import Final

from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.importer.words.verdicts import Compared, Verdict

_DOUBTFUL: Final = "It was imported although a transfer may have left it incomplete."
_DIFFERENT: Final = "It was imported although it is not what a list of digests says."


def warning_text(warning: str, *, verdict: str, compared: str) -> str:
    """The sentence of a file with this warning; empty where there is nothing to be told.

    What another transfer had brought before is doubtful no more, but still not what a list says.
    """
    if warning != INCLUDED_ALTHOUGH_DOUBTFUL:
        return ""
    if compared == Compared.DIFFERS:
        return _DIFFERENT
    return "" if verdict == Verdict.IDENTICAL else _DOUBTFUL
