"""Folders and selections of a project as one file, ZIP or TAR, that is never written anywhere.

`forms`, `zip` and `tar` know the formats and are pure; `selection`, `pieces` and `layout` read the database; `body`
makes the bytes of any part, and `response` answers HTTP. `lists` writes the lists of digests that go along.
"""
