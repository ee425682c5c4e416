"""Writing the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from moorage.audit.models import AuditRecord


def record(
    act: str,
    subject: models.Model,
    *,
    actor: Any,
    at: datetime,
    project_id: UUID | None = None,
    **data: object,
) -> None:
    """Add a record. Call it inside the transaction of the act: both are kept, or neither.

    `actor` is a Member, or None for what Moorage does by itself. `data` must be JSON.
    """
    AuditRecord.objects.create(
        at=at,
        actor=actor,
        act=act,
        project_id=project_id,
        object_type=subject._meta.model_name or "",
        object_id=str(subject.pk),
        data=data,
    )
