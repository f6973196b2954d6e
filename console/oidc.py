"""OpenID Connect: an identity provider says who somebody is, and settings say what that means here.

The authorization code flow with PKCE (S256), state and nonce, by Authlib. A gateway keeps nothing
of an attempt: the browser holds it in a cookie for that purpose. Authlib would take a third of a
gateway's start: only one with a provider loads this module.
"""

import re
import secrets
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from console import secret
from console.access import Role
from console.problems import Problem
from console.settings import CALLBACK, SAFE_URL, OidcSettings

_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"})
"""Signatures by a key that only the provider has: never `none`, never one by a shared secret."""
_LEEWAY_S = 60
_FRESH_S = 3_600.0
_LEAST_S = 30.0
"""What the provider says of itself is asked again after an hour, and for an unknown key after
half a minute."""
_WAIT_S = 5.0


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in under way, as the browser keeps it: secrets that no one else has."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        """Return no secret."""
        return "Attempt()"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is by the provider's word, and what that is here."""

    issuer: str
    subject: str
    name: str
    role: Role
    department: str | None
    unit: str | None


class Provider:
    """An identity provider."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._issuer = settings.issuer or ""
        self._tls = ssl.create_default_context()  # reading all authorities takes its time
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_at = self._keys_at = 0.0

    async def begin(self) -> tuple[str, Attempt]:
        """Return the provider's address to which the browser goes, and what it keeps meanwhile.

        Raises
        ------
        Problem
            503: the provider does not answer, or not as it should.
        """
        attempt = Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))
        endpoint = await self._endpoint("authorization_endpoint")
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                endpoint, attempt.state, code_verifier=attempt.verifier, nonce=attempt.nonce
            )
        return str(url), attempt

    async def finish(self, attempt: Attempt, answered: Mapping[str, str]) -> Identity:
        """Return who came back from the provider.

        Parameters
        ----------
        attempt
            What the browser kept.
        answered
            The query that it brought from the provider.

        Raises
        ------
        Problem
            401: what it brought cannot be believed; 403: there is no role for it; 503.
        """
        if not secret.same(answered.get("state", "").encode(), attempt.state.encode()):
            raise _unbelieved("it does not belong to the sign-in that this browser began")
        if "error" in answered:
            raise _unbelieved("the provider refused: its log says why")
        known = await self._metadata()
        said = answered.get("iss")
        if said != self._issuer and (
            said is not None or known.get("authorization_response_iss_parameter_supported")
        ):
            raise _unbelieved("it comes from another issuer")
        if not answered.get("code"):
            raise _unbelieved("it has no code")
        endpoint = await self._endpoint("token_endpoint")
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=answered["code"],
                    code_verifier=attempt.verifier,
                )
        except httpx2.HTTPError as error:
            raise _silent() from error
        except (AuthlibBaseError, ValueError) as error:
            raise _unbelieved("the provider does not take its code") from error
        return self._identity(await self._claims(tokens, attempt))

    async def end_url(self) -> str | None:
        """Return where the session at the provider ends; None if it has no such place."""
        endpoint = (await self._metadata()).get("end_session_endpoint")
        if not isinstance(endpoint, str) or not SAFE_URL.match(endpoint):
            return None
        back = self.settings.gateway_url.rstrip("/") + self.settings.after
        query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        return str(add_params_to_uri(endpoint, query))

    def _client(self) -> AsyncOAuth2Client:
        settings = self.settings
        return AsyncOAuth2Client(
            settings.client_id,
            settings.client_secret and settings.client_secret.get_secret_value(),
            scope=settings.scopes,
            redirect_uri=settings.gateway_url.rstrip("/") + CALLBACK,
            code_challenge_method="S256",
            timeout=_WAIT_S,
            verify=self._tls,
        )

    async def _claims(self, tokens: Mapping[str, Any], attempt: Attempt) -> Mapping[str, Any]:
        supported = (await self._metadata()).get("id_token_signing_alg_values_supported")
        algorithms = _ALGORITHMS & set(supported or ("RS256",))
        registry = JWSRegistry(algorithms=sorted(algorithms), strict_check_header=False)
        text = tokens.get("id_token")
        if not isinstance(text, str):
            raise _unbelieved("the provider gave no ID token")
        try:
            try:
                token = jwt.decode(text, await self._key_set(), registry=registry)
            except InvalidKeyIdError:  # it has changed its keys
                token = jwt.decode(text, await self._key_set(anew=True), registry=registry)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                },
                {
                    "nonce": attempt.nonce,
                    "client_id": self.settings.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            raise _unbelieved(f"its ID token is not valid ({_named(error)})") from error
        return dict(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        settings, given = self.settings, claims.get(self.settings.role_claim)
        values = {given} if isinstance(given, str) else set(map(str, given or ()))
        role = next((role for value, role in settings.roles.items() if value in values), None)
        department = _text(claims.get(settings.department_claim))
        unit = _text(claims.get(settings.unit_claim))
        if role is None:
            raise Problem("no-role", "an administrator can give you one at the identity provider")
        if (role is Role.DEPARTMENT and not department) or (role is Role.RESPONDER and not unit):
            raise Problem("no-role", f"the provider does not say of which one you are a {role}")
        return Identity(
            issuer=self._issuer,
            subject=str(claims["sub"]),
            name=_account_name(str(claims.get(settings.name_claim, ""))),
            role=role,
            department=department if role is Role.DEPARTMENT else None,
            unit=unit if role is Role.RESPONDER else None,
        )

    async def _endpoint(self, name: str) -> str:
        found = (await self._metadata()).get(name)
        if not isinstance(found, str) or not SAFE_URL.match(found):
            raise _silent()
        return found

    async def _metadata(self) -> dict[str, Any]:
        if not self._known or time.monotonic() - self._known_at > _FRESH_S:
            found = await self._get(get_well_known_url(self._issuer, external=True))
            if found.get("issuer") != self._issuer:
                raise _silent()
            self._known, self._known_at = found, time.monotonic()
        return self._known

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        age = time.monotonic() - self._keys_at
        if self._keys is None or age > _FRESH_S or (anew and age > _LEAST_S):
            found = await self._get(await self._endpoint("jwks_uri"))
            self._keys, self._keys_at = KeySet.import_key_set(found), time.monotonic()
        return self._keys

    async def _get(self, url: str) -> Any:  # noqa: ANN401 - JSON
        try:
            async with self._client() as client:
                answer = await client.request("GET", url, withhold_token=True)
            answer.raise_for_status()
            found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _silent() from error
        if not isinstance(found, dict):
            raise _silent()
        return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _account_name(wanted: str) -> str:
    """Return a name as accounts have it; what nothing is left of is ``user``."""
    name = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower())[:50]
    return re.sub(r"^[^a-z0-9]+", "", name).rstrip("-") or "user"


def _named(error: Exception) -> str:
    """Return the word of the standard for what is wrong; values are not repeated."""
    claim = getattr(error, "claim", None)
    return str(getattr(error, "error", type(error).__name__)) + (f": {claim}" if claim else "")


def _unbelieved(why: str) -> Problem:
    return Problem("identity", f"{why}; sign in again")


def _silent() -> Problem:
    return Problem(
        "unavailable",
        "the identity provider does not answer as it should: try again, or use a local account",
    )
