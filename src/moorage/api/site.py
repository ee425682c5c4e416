"""The API itself, `/api/v1`: its routers, its bearer tokens, its OpenAPI document at `/api/v1/openapi.json`."""

from ninja import NinjaAPI

from moorage.api import (
    archives,
    changes,
    checks,
    downloads,
    files,
    manifests,
    members,
    myself,
    projects,
    revisions,
    uploads,
)
from moorage.api.authentication import BearerToken
from moorage.api.errors import tell_failures

api = NinjaAPI(
    title="Moorage",
    version="1",
    description="What scripts may rely on. Times are RFC 3339 in UTC, sizes bytes, ids UUIDs, digests SHA-256.",
    auth=BearerToken(),
    docs_url=None,  # its pages need inline scripts, which our Content-Security-Policy forbids
    urls_namespace="api",
)
tell_failures(api)
api.add_router("", myself.router)
api.add_router("/projects", projects.router)
api.add_router("/projects", members.router)
api.add_router("/projects", revisions.router)
api.add_router("/projects", changes.router)
api.add_router("/projects", files.router)
api.add_router("/projects", archives.router)
api.add_router("", uploads.router)
api.add_router("", checks.router)
api.add_router("", manifests.router)
api.add_router("", downloads.router)
