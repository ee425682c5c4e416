"""Members, their Globus identities and API tokens."""
