"""Addresses of pages that notices lead to."""

from django.urls import NoReverseMatch, reverse

from moorage.transfers.models import Upload


def upload_path(upload: Upload) -> str:
    """The path of an upload's page, without the site's address; empty in a process that serves no such page."""
    try:
        return reverse("upload", args=[upload.pk])
    except NoReverseMatch:
        return ""
