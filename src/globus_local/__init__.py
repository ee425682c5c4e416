"""A local Globus: Auth, Transfer, collection HTTPS and a small web app, for the unmodified Globus clients.

Nothing here knows Moorage; it is useful by itself to anyone who develops against Globus.
"""
