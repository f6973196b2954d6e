"""Links that sign somebody in on the console, once."""

import asyncio
from pathlib import Path

import asyncpg

from cli.asking import actor
from infra.ledger import accounts, audit
from infra.ledger.pool import connect, transaction
from infra.local import gateway
from infra.local.state import Home, read_state
from infra.settings import Endpoints, load_settings

MINUTES = 15
_DEMO = "demo-operator"


def address_here(home: Path | None) -> str:
    """Return the address of the local stack's gateway; empty if none runs."""
    local = load_settings(home).local
    state = read_state(Home.at(local.home))
    if state is None or state.gateway is None or not state.gateway_alive():
        return ""
    return gateway.url(state.gateway.port, tls=local.gateway_certificate is not None)


def link_to(address: str, secret: str) -> str:
    """Return the link. Browsers send what follows # to nobody, so it stands in no log."""
    return f"{address}/#link={secret}"


async def add_link(conn: asyncpg.Connection, name: str, minutes: int, who: str) -> str:
    """Add a link to an account, and return its secret; raises `NotFound`."""
    from console.secret import digest, make_link  # noqa: PLC0415 - Argon2 is an extra

    secret = make_link()
    await accounts.add_link(conn, name, digest(secret), minutes)
    await audit.write(conn, who, "add_link", name)
    return secret


def demo_operator(endpoints: Endpoints, address: str) -> str:
    """Return a link for an operator of the demo, whose account has a password nobody knows."""
    return link_to(address, asyncio.run(_demo_operator(endpoints)))


async def _demo_operator(endpoints: Endpoints) -> str:
    from console.secret import hash_password, make_password  # noqa: PLC0415 - an extra

    conn = await connect(endpoints.database_url, application="jingwei-demo")
    try:
        async with transaction(conn) as writing:
            hashed = hash_password(make_password())
            if await accounts.add_account(writing, _DEMO, "operator", hashed):
                await audit.write(writing, actor(), "add_account", _DEMO, role="operator")
            return await add_link(writing, _DEMO, MINUTES, actor())
    finally:
        await conn.close()
