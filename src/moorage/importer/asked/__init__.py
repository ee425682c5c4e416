"""What a member asks for before the import: a preview, a list of digests; and the project's defaults."""
