"""Bytes on disk: staging areas, the object store, digests. No Django here."""
