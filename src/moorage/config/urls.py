"""Which part of the site answers which address."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from moorage.api.site import api

handler400 = "moorage.web.errors.bad_request"
handler403 = "moorage.web.errors.permission_denied"
handler404 = "moorage.web.errors.page_not_found"
handler500 = "moorage.web.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    # Globus accounts are linked and unlinked on our Account page, which keeps a record of it.
    path("accounts/3rdparty/", RedirectView.as_view(pattern_name="account"), name="socialaccount_connections"),
    path("accounts/", include("allauth.urls")),
    path("", include("moorage.web.dashboard")),
    path("", include("moorage.web.account")),
    path("", include("moorage.web.identities")),
    path("", include("moorage.web.projects")),
    path("", include("moorage.web.import_defaults")),
    path("", include("moorage.web.members")),
    path("", include("moorage.web.notices")),
    path("", include("moorage.web.files")),
    path("", include("moorage.web.file_archives")),
    path("", include("moorage.web.file_changes")),
    path("", include("moorage.web.file_history")),
    path("", include("moorage.web.uploads")),
    path("", include("moorage.web.upload_status")),
    path("", include("moorage.web.upload_ending")),
    path("", include("moorage.web.upload_choices")),
    path("", include("moorage.web.upload_lists")),
    path("", include("moorage.web.upload_manifest")),
    path("", include("moorage.web.upload_undoing")),
    path("", include("moorage.web.downloads")),
    path("", include("moorage.web.download_form")),
    path("", include("moorage.web.download_ending")),
    path("api/v1/", api.urls),
]
