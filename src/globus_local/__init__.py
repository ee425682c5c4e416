"""A local Globus: Auth, Transfer, collection HTTPS and a small web app, for the unmodified Globus clients.

Nothing here knows Moorage; it is useful by itself to anyone who develops against Globus.
"""

import os

# Noted before anything slow is imported: a parent that is killed while we start is missed otherwise
# (see `serve.end_with_parent`).
STARTED_BY = os.getppid()
