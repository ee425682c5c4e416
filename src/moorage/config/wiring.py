"""The one place that chooses implementations: settings in, backends out."""

from datetime import timedelta

from django.utils import timezone

from moorage.backends import Backends, Policies
from moorage.config.options import Options
from moorage.config.settings import OPTIONS
from moorage.globus.client import connect
from moorage.globus.links import GlobusLinks
from moorage.globus.service import CollectionId
from moorage.storage.layout import StoreLayout


def make_backends() -> Backends:
    """The backends of this process, by its settings."""
    policies = make_policies(OPTIONS)
    globus = connect(
        client_id=OPTIONS.globus_client_id,
        client_secret=OPTIONS.globus_client_secret.get_secret_value(),
        collection_id=CollectionId(OPTIONS.globus_collection_id),
        auth_url=OPTIONS.globus_auth_url,
        transfer_url=OPTIONS.globus_transfer_url,
        timeout_seconds=OPTIONS.globus_timeout_seconds,
        retries=OPTIONS.globus_retries,
    )
    return Backends(
        globus=globus,
        links=GlobusLinks(OPTIONS.globus_web_url),
        store=StoreLayout(OPTIONS.store_root),  # not made: see `jobs.recognising`
        clock=timezone.now,
        policies=policies,
    )


def make_policies(options: Options) -> Policies:
    """The policies that the settings ask for."""
    return Policies(
        quiet_time=timedelta(seconds=options.quiet_seconds),
        perhaps_delay=timedelta(seconds=options.perhaps_delay_seconds),
        upload_expires_after=timedelta(days=options.upload_expires_days),
        trash_kept=timedelta(days=options.trash_days),
        remnants_kept=timedelta(days=options.remnants_days),
        undo_kept=timedelta(days=options.undo_days),
        downloads_kept=timedelta(days=options.download_days),
        objects_kept=timedelta(days=options.objects_kept_days),
        fixity_within=timedelta(days=options.fixity_days),
        fixity_bytes_per_second=options.fixity_bytes_per_second,
        free_floor_percent=options.free_floor_percent,
        free_floor_bytes=options.free_floor_bytes,
        watched_interval=timedelta(seconds=options.watched_interval_seconds),
        unwatched_interval=timedelta(seconds=options.unwatched_interval_seconds),
    )
