"""Lists of digests, sent along or found: read, kept, compared with what is there."""
