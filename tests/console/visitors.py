"""Clients of a gateway that runs in the test's own process."""

from functools import cache

import httpx
from fastapi import FastAPI

from console import secret
from console.access import Role

PASSWORD = "correct horse battery"
URL = "https://gateway.test"


@cache
def hashed() -> str:
    """Return the password as the ledger keeps it; making it is as slow as it is meant to be."""
    return secret.hash_password(PASSWORD)


class Visitors:
    """Makes clients: as a role by its token, signed in by password, or as nobody."""

    def __init__(self, app: FastAPI, tokens: dict[Role, str]) -> None:
        self.app, self._tokens = app, tokens
        self._open: list[httpx.AsyncClient] = []

    def nobody(self, **options) -> httpx.AsyncClient:
        """Return a client without a token."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=URL, **options)
        self._open.append(client)
        return client

    def of(self, role: Role) -> httpx.AsyncClient:
        """Return a client with a role's token."""
        return self.nobody(headers={"Authorization": f"Bearer {self._tokens[role]}"})

    async def signed_in(self, role: Role) -> httpx.AsyncClient:
        """Return a client that has signed in, without its CSRF token."""
        client = self.nobody()
        await sign_in(client, role)
        return client

    async def close(self) -> None:
        """Close all clients."""
        for client in self._open:
            await client.aclose()


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> dict:
    """Sign in and return what the gateway answers."""
    answer = await client.post("/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()
