"""The OAuth 2.0 grants, done by Authlib; what Globus does differently from the books is added here.

Globus answers with one token document for each resource server (globus-wire.md §2.2), and takes the
parameters of the token request from the body or the query.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import (
    FlaskOAuth2Payload,
    FlaskOAuth2Request,
)
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import request as flask_request

from globus_local.auth.clients import Client
from globus_local.auth.codes import CODE_SECONDS, Code
from globus_local.auth.documents import TokenGrant, token_documents
from globus_local.auth.identities import Identity
from globus_local.auth.scopes import OFFLINE, ScopeError, known_scopes
from globus_local.auth.tokens import Token
from globus_local.world import current_world

CONFIDENTIAL = ["client_secret_basic", "client_secret_post"]
ANY_CLIENT = [*CONFIDENTIAL, "none"]


@dataclass(frozen=True, kw_only=True)
class Consenter:
    """Who said yes on the authorize page, and in which session."""

    identity: Identity
    session_id: str
    auth_time: int


class GlobusRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """A token or authorize request whose parameters may be in body or query."""

    def __init__(self) -> None:
        # Authlib refuses http URLs by itself; here the operator decides by `public_url`.
        uri = "https:" + flask_request.url.partition(":")[2]
        OAuth2Request.__init__(self, flask_request.method, uri, headers=flask_request.headers)
        self._request = flask_request
        self.payload = FlaskOAuth2Payload(flask_request)

    @property
    def form(self) -> Any:
        return flask_request.values


class GlobusAuthorizationServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server over the current request's `LocalGlobus`."""

    def query_client(self, client_id: str) -> Client | None:
        return current_world().clients.find(client_id)

    def create_oauth2_request(self, request: Any) -> GlobusRequest:  # noqa: ARG002 (Authlib's)
        return GlobusRequest()

    def validate_requested_scope(self, scope: str | None) -> None:
        try:
            scopes = known_scopes(scope or "", current_world().config)
        except ScopeError as error:
            raise InvalidScopeError(_plain(str(error))) from error
        if not scopes:
            raise InvalidScopeError("The request names no scope.")

    def generate_token(self, *_: Any, scope: str | None = None, **__: Any) -> dict[str, Any]:
        """Nothing yet: `save_token` knows the request, which decides about the documents."""
        return {"scope": scope or ""}

    def save_token(self, token: dict[str, Any], request: GlobusRequest) -> None:
        """Issue the tokens and make `token` the document that the client gets."""
        wanted = _wanted(token["scope"], request)
        token.clear()
        token.update(token_documents(current_world(), wanted))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class ClientCredentialsGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT

    def save_authorization_code(self, code: str, request: GlobusRequest) -> None:
        data = request.payload.data
        consenter: Consenter = request.user
        agreed = Code(
            client_id=request.client.id,
            identity_id=consenter.identity.id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            offline=_is_offline(request),
            nonce=data.get("nonce"),
            state=data.get("state"),
            code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"),
            session_id=consenter.session_id,
            auth_time=consenter.auth_time,
            expires_at=int(time.time()) + CODE_SECONDS,
        )
        current_world().codes.save(code, agreed)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return current_world().codes.take(code, client.id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Gone already: `query_authorization_code` takes it, so that two requests cannot both use it."""

    def authenticate_user(self, authorization_code: Code) -> Identity:
        return current_world().identities.get(authorization_code.identity_id)


@dataclass(frozen=True)
class PresentedRefreshToken(TokenMixin):  # type: ignore[misc]
    """A refresh token as the client sent it, and what stands behind it."""

    secret: str
    token: Token

    def check_client(self, client: Client) -> bool:
        return client.id == self.token.client_id

    def get_scope(self) -> str:
        return " ".join(sorted(self.token.scopes))


class RefreshTokenGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT

    def authenticate_refresh_token(self, refresh_token: str) -> PresentedRefreshToken | None:
        token = current_world().tokens.find_refresh(refresh_token)
        return PresentedRefreshToken(refresh_token, token) if token is not None else None

    def authenticate_user(self, refresh_token: PresentedRefreshToken) -> Identity:
        return current_world().identities.get(refresh_token.token.identity_id)

    def revoke_old_credential(self, refresh_token: PresentedRefreshToken) -> None:
        """Globus's refresh tokens stay the same as long as they are used."""


class ProofKey(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) by S256 only, and never without for public clients."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        data = grant.request.payload.data
        if data.get("code_challenge") and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if grant.request.client.is_public and not data.get("code_challenge"):
            raise InvalidRequestError("A client without a secret must send a code_challenge (PKCE, S256).")


def make_server() -> GlobusAuthorizationServer:
    server = GlobusAuthorizationServer()
    server.register_grant(ClientCredentialsGrant)
    server.register_grant(AuthorizationCodeGrant, [ProofKey(required=True)])
    server.register_grant(RefreshTokenGrant)
    return server


server = make_server()


def _wanted(scope: str, request: GlobusRequest) -> TokenGrant:
    client: Client = request.client
    if request.refresh_token is not None:
        presented: PresentedRefreshToken = request.refresh_token
        return TokenGrant(
            client=client, identity=request.user, scope=scope or presented.get_scope(),
            session_id=presented.token.session_id, refresh_secret=presented.secret,
        )  # fmt: skip
    code: Code | None = request.authorization_code
    if code is None:
        # A client acts as its own identity, which has the client's id.
        identity = current_world().identities.ensure_client_identity(client.id, client.name)
        return TokenGrant(client=client, identity=identity, scope=scope)
    return TokenGrant(
        client=client, identity=request.user, scope=scope, session_id=code.session_id, nonce=code.nonce,
        auth_time=code.auth_time, offline=code.offline, state=code.state,
    )  # fmt: skip


def _is_offline(request: GlobusRequest) -> bool:
    names = (request.payload.scope or "").split()
    return request.payload.data.get("access_type") == "offline" or OFFLINE in names


def _plain(text: str) -> str:
    """OAuth error descriptions allow printable ASCII without quotes and backslashes (RFC 6749 §5.2)."""
    return "".join(letter for letter in text if " " <= letter <= "~" and letter not in '"\\')
