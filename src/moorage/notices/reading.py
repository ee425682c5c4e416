"""Which notices a member has read."""

from datetime import datetime

from moorage.accounts.models import Member
from moorage.notices.models import Notice


def mark_read(*, member: Member, at: datetime, notice: Notice | None = None) -> int:
    """Mark one notice of the member's, or all of them, as read; return how many were unread."""
    unread = Notice.objects.filter(member=member, read_at__isnull=True)
    if notice is not None:
        unread = unread.filter(pk=notice.pk)
    return unread.update(read_at=at)
