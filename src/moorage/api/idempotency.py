"""`Idempotency-Key`: something is made once, however often the request is sent, for 24 hours.

The key is stored in the transaction that makes the thing, unique by member and key.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.db import IntegrityError, models, transaction

from moorage.api.authentication import ApiRequest
from moorage.api.models import StoredReply
from moorage.backends import backends
from moorage.errors import InvalidInputError

KEPT: Final = timedelta(hours=24)
LONGEST_KEY: Final = 200
Made = TypeVar("Made", bound=models.Model)


class IdempotencyKeyError(InvalidInputError):
    """The key was used for another request, or is no key."""

    code = "idempotency_key"


def made_once(request: ApiRequest, model: type[Made], make: Callable[[], Made]) -> tuple[Made, bool]:
    """What `make` makes, or what it made when this request came first; and whether it was made now.

    `make` only writes rows: it runs in the transaction that stores the key.

    Raises:
        IdempotencyKeyError: the member has used this key for another request.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return make(), True
    if len(key) > LONGEST_KEY:
        raise IdempotencyKeyError(f"An Idempotency-Key has at most {LONGEST_KEY} characters. Use a UUID.")
    now = backends().clock()
    StoredReply.objects.filter(member=request.auth, key=key, created_at__lt=now - KEPT).delete()
    digest = _digest_of(request)
    with transaction.atomic():
        try:
            with transaction.atomic():
                reply = StoredReply.objects.create(member=request.auth, key=key, request_digest=digest, created_at=now)
        except IntegrityError:
            return _made_before(request, model, key, digest), False
        made = make()
        StoredReply.objects.filter(pk=reply.pk).update(made_id=made.pk)
        return made, True


def made_before(request: ApiRequest, model: type[Made]) -> Made | None:
    """What this very request made when it came first, if it did.

    For routes that check at length, outside of a transaction, before they make: what was fine at first may no
    longer be, and the answer is to be the same.

    Raises:
        IdempotencyKeyError: the member has used this key for another request.
    """
    key = request.headers.get("Idempotency-Key", "")
    kept = StoredReply.objects.filter(member=request.auth, key=key, created_at__gte=backends().clock() - KEPT)
    if not key or not kept.exists():
        return None
    return _made_before(request, model, key, _digest_of(request))


def _made_before(request: ApiRequest, model: type[Made], key: str, digest: str) -> Made:
    reply = StoredReply.objects.filter(member=request.auth, key=key).first()
    if reply is None or reply.request_digest != digest:
        raise IdempotencyKeyError("This Idempotency-Key was used for another request. Use a fresh one for this.")
    return model._default_manager.get(pk=_as_uuid(reply.made_id))


def _as_uuid(value: UUID | None) -> UUID:
    assert value is not None, "a stored reply is committed with what it made"  # noqa: S101
    return value


def _digest_of(request: ApiRequest) -> str:
    text = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(text + request.body).hexdigest()
