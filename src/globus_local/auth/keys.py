"""The secrets of this service, made once and kept with mode 0600: the cookie secret and the signing key."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey

ALGORITHM = "RS512"  # what Globus Auth signs with
KEY_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`signing` signs id_tokens; `cookie` signs the session cookie."""

    signing: RSAKey
    cookie: str

    def public_set(self) -> dict[str, Any]:
        """The JWKS document. The RSA key is first: the SDK takes `keys[0]`."""
        public = self.signing.as_dict(private=False, use="sig", alg=ALGORITHM)
        return {"keys": [public]}


def load_keys(folder: Path) -> Keys:
    """Read the secrets of a data folder; what is missing is made."""
    signing = _load(folder / "signing-key.pem", _new_signing_key)
    cookie = _load(folder / "cookie-secret", lambda: secrets.token_urlsafe(48).encode())
    key = RSAKey.import_key(signing)
    key.ensure_kid()
    return Keys(signing=key, cookie=cookie.decode())


def _new_signing_key() -> bytes:
    return RSAKey.generate_key(KEY_BITS).as_pem(private=True)


def _load(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content. A new one gets its name only when it is complete, and never replaces another."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
