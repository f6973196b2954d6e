"""A small OpenID Connect provider on a port of its own: strict, and wrong where asked to be."""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.patience import patience

CLIENT, SECRET = "jingwei", "a secret of the client"


class Mock:
    """The provider.

    Attributes
    ----------
    person
        Claims of whoever signs in next.
    metadata, claims, header, token
        What replaces the right values: of discovery, ID token, its header, the token answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: dict = {"sub": "1", "preferred_username": "li.ming", "roles": ["dispatch"]}
        self.metadata: dict = {}
        self.claims: dict = {}
        self.header: dict = {}
        self.token: dict = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict] = {}
        self._sign_with("first")

    def _sign_with(self, kid: str) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
        self.signing = self.key

    def change_keys(self) -> None:
        """Sign by a new key from now on."""
        self._sign_with(secrets.token_hex(4))

    def discovery(self, _: Request) -> Response:
        self.asked.append("discovery")
        paths = ("authorization", "token", "end_session")
        known = {f"{name}_endpoint": f"{self.url}/{name}" for name in paths}
        known |= {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        known |= {"id_token_signing_alg_values_supported": ["RS256"]}
        return JSONResponse(known | self.metadata)

    def keys(self, _: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorization(self, request: Request) -> Response:
        """Sign the person in at once, as somebody who is known here is."""
        query = request.query_params
        assert query["response_type"] == "code"
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT, "S256")
        assert len(query["state"]) >= 32 and len(query["nonce"]) >= 32  # noqa: PT018
        code = secrets.token_urlsafe()
        self._codes[code] = dict(query)
        back = {"code": code, "state": query["state"], "iss": self.url, "session_state": "x"}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(back)}", 303)

    async def tokens(self, request: Request) -> Response:
        """Change a code for tokens: once, for the client and with the verifier that began it."""
        form = dict(parse_qsl((await request.body()).decode()))
        basic = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        begun = self._codes.pop(form.get("code"), None)
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        ).rstrip(b"=")
        if (
            request.headers.get("Authorization") not in (f"Basic {basic}", f"Basic {plain}")
            or begun is None
            or begun["code_challenge"].encode() != challenge
            or begun["redirect_uri"] != form["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": begun["nonce"]} | self.person | self.claims
        header = {"alg": "RS256", "kid": self.key.kid} | self.header
        answer = {"access_token": "x", "token_type": "Bearer"}
        answer |= {"id_token": self._signed(header, claims)} | self.token
        return JSONResponse(answer)

    def _signed(self, header: dict, claims: dict) -> str:
        claims = {name: value for name, value in claims.items() if value is not None}
        if header["alg"] == "none":
            parts = [base64.urlsafe_b64encode(str(part).replace("'", '"').encode()).rstrip(b"=")
                     for part in (header, claims)]  # fmt: skip
            return b".".join([*parts, b""]).decode()
        registry = JWSRegistry(algorithms=[header["alg"]])
        return jwt.encode(header, claims, self.signing, registry=registry)


@contextlib.contextmanager
def running() -> Iterator[Mock]:
    """Serve a provider on a thread of its own."""
    ready, found = threading.Event(), []

    def thread() -> None:
        async def serve() -> None:
            config = uvicorn.Config(None, port=0, lifespan="off", log_config=None)
            listening = config.bind_socket()
            mock = Mock(f"http://127.0.0.1:{listening.getsockname()[1]}")
            config.app = Starlette(
                routes=[
                    Route("/.well-known/openid-configuration", mock.discovery),
                    Route("/keys", mock.keys),
                    Route("/authorization", mock.authorization),
                    Route("/token", mock.tokens, methods=["POST"]),
                ]
            )
            server = uvicorn.Server(config)
            found.extend((mock, server))
            ready.set()
            await server.serve([listening])
            listening.close()

        asyncio.run(serve())

    serving = threading.Thread(target=thread, daemon=True)
    serving.start()
    assert ready.wait(patience(30))
    mock, server = found
    try:
        yield mock
    finally:
        server.should_exit = True
        serving.join(patience(30))
