"""Globus Auth on a laptop: identities, clients, grants, tokens, OpenID Connect, and the sign-in pages."""
