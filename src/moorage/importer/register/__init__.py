"""Register: rows of objects and entries become versions of files, set by set."""
