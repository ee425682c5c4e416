"""Lists of digests that came along with an upload, and what each says of its files. How they count is in `lists`."""

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moorage.accounts.models import Member

MOST_NAMED: Final = 3  # of the lists that count instead of another


class ListState(models.TextChoices):
    """How far a list of digests is; see `importer.lists.kept`. Nothing is compared with it before it is whole."""

    WRITING = "writing", "is being written"
    READ = "read", "is written, and waits for what lies beside it"
    WHOLE = "whole", "counts"
    BAD = "bad", "cannot be understood"
    GOING = "going", "does not count any more"


KEPT_LISTS: Final = (ListState.READ, ListState.WHOLE, ListState.BAD)  # there is one in a place


class ExpectedList(models.Model):
    """A list of digests: one that came along with the upload, or that was found in it.

    `source` is the list's path in the upload; empty where a member has sent it, and then `name` is what she called it.
    Of lists that name the same file the one with the first `place` counts before the others. It names so many `files`;
    `unused` of them are compared with what other lists say `instead`. `fault` says why it compares nothing.
    `stamp` is that of the file when it was read (see `importer.lists.found`).
    """

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(
        "transfers.Upload", on_delete=models.CASCADE, related_name="expected_lists", db_index=False
    )
    source = models.CharField(max_length=300, blank=True)
    place = models.BinaryField(max_length=300, default=b"")  # bytes have one order; empty where it was sent: the first
    name = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=7, choices=ListState.choices, default=ListState.WRITING)
    fault = models.TextField(blank=True, default="")
    files = models.BigIntegerField(default=0)
    unused = models.BigIntegerField(default=0)
    instead = models.JSONField(default=list)  # the sources of those lists, of more than MOST_NAMED one more
    sent_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    written_at = models.DateTimeField(default=timezone.now)
    stamp = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "place"], condition=Q(state__in=("read", "whole", "bad")), name="kept_once_per_upload"
            )
        ]
        indexes = [models.Index(fields=["upload", "state", "place"], name="lists_by_place")]

    def __str__(self) -> str:
        return self.source or self.name or "the list that was sent"

    @property
    def is_whole(self) -> bool:
        """Whether files are compared with it."""
        return self.state == ListState.WHOLE

    @property
    def instead_words(self) -> str:
        """The lists that count instead, in a sentence."""
        others = ["others"] if len(self.instead) > MOST_NAMED else []
        return " and ".join([*self.instead[:MOST_NAMED], *others])


class ExpectedFile(models.Model):
    """A file that a list of digests names. Each list that names it has a row; see `importer.lists.overlaps`.

    `algorithm` is hashlib's name, `digest` lower-case hex, empty where the list only has sizes. Rows go before their
    list does.
    """

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(
        "transfers.Upload", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    path_digest = models.BinaryField(max_length=32)
    expected_list = models.ForeignKey(
        ExpectedList, on_delete=models.DO_NOTHING, related_name="rows", db_constraint=False
    )
    path = models.BinaryField()
    size_bytes = models.BigIntegerField(null=True)
    algorithm = models.CharField(max_length=10, blank=True)
    digest = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "path_digest", "expected_list"], name="expected_once_per_list")
        ]

    def __str__(self) -> str:
        return bytes(self.path).decode(errors="backslashreplace")
