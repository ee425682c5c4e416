"""Texts that members write: what of them is kept. A script can send characters that no database takes. Pure."""

import unicodedata


def one_line(text: str) -> str:
    """A text on one line, without control characters and halves of characters."""
    shown = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join(shown.split())


def many_lines(text: str) -> str:
    """A text with its lines, without other control characters and halves of characters."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}).strip()


def can_be_kept(text: str) -> bool:
    """Whether every database takes a text as it is."""
    return "\0" not in text and not any(unicodedata.category(c) == "Cs" for c in text)
