"""Globus's failures, translated to Moorage's at this edge."""

import functools
from collections.abc import Callable, Iterator
from inspect import isgeneratorfunction
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import globus_sdk

from moorage.errors import MoorageError, NotFoundError, NotPermittedError
from moorage.globus.service import AccessRuleLimitError, GlobusUnavailableError

P = ParamSpec("P")
R = TypeVar("R")
PASSING_STATUSES = frozenset({408, 425, 429})
# What reading a document raises that is none of Globus's: no JSON, or JSON without what must be in it.
NOT_A_DOCUMENT = (TypeError, KeyError, ValueError)


class GlobusRefusedError(NotPermittedError):
    """Globus understood and refused: our client lacks a role or consent. An operator has to act."""

    code = "globus.refused"


class GlobusNotFoundError(NotFoundError):
    """The rule or collection that was named is not there."""

    code = "globus.not_found"


def code_of(error: globus_sdk.GlobusAPIError) -> str:
    """Globus's own code of a failure, such as `Exists` or `LimitExceeded`; empty where there is none."""
    return str(error.code or "")


def translated(call: Callable[P, R]) -> Callable[P, R]:
    """Let only MoorageErrors out of a method, also out of one that yields."""
    if isgeneratorfunction(call):

        @functools.wraps(call)
        def generate(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            try:
                yield from call(*args, **kwargs)
            except globus_sdk.GlobusError as error:
                _raise(error)
            except NOT_A_DOCUMENT as error:
                raise _not_globus() from error

        return cast("Callable[P, R]", generate)

    @functools.wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except globus_sdk.GlobusError as error:
            _raise(error)
        except NOT_A_DOCUMENT as error:
            raise _not_globus() from error

    return run


def _not_globus() -> MoorageError:
    """Something between us and Globus answered in its place: a proxy's page, half a document."""
    return GlobusUnavailableError("What answered in Globus's place is not Globus. Moorage tries again by itself.")


def _raise(error: globus_sdk.GlobusError) -> NoReturn:
    if isinstance(error, globus_sdk.GlobusAPIError):
        raise _by_document(error) from error
    if isinstance(error, globus_sdk.NetworkError):
        raise GlobusUnavailableError(
            "Globus does not answer. Moorage tries again by itself; nothing is lost."
        ) from error
    raise GlobusUnavailableError(f"Globus answered what nobody understands ({error}). Moorage tries again.") from error


def _by_document(error: globus_sdk.GlobusAPIError) -> MoorageError:
    code = code_of(error)
    if code == "LimitExceeded":
        return AccessRuleLimitError(
            "The collection has no access rule left to give. This upload opens by itself when one is free."
        )
    if error.http_status >= 500 or error.http_status in PASSING_STATUSES:
        return GlobusUnavailableError(
            f"Globus has a fault or is busy ({error.http_status} {code}). Moorage tries again by itself."
        )
    if error.http_status == 404:
        return GlobusNotFoundError(f"Globus does not know this any more ({error.message}).")
    return GlobusRefusedError(
        f"Globus refused this ({error.http_status} {code}: {error.message}). "
        "Ask the operator to run `moorage-server check`."
    )
