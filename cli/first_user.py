"""The first administrator: made with the stack, so that somebody can come in."""

import asyncio

import msgspec

from infra.ledger import accounts, audit
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints

_NAME = "admin"


class FirstAccount(msgspec.Struct, frozen=True):
    """The account and its password, to be shown once and kept nowhere."""

    name: str
    password: str

    def __repr__(self) -> str:
        """Return the name only."""
        return f"FirstAccount({self.name!r})"


def first_administrator(endpoints: Endpoints) -> FirstAccount | None:
    """Make an administrator with a new password; None if there is any account already."""
    return asyncio.run(_make(endpoints))


async def _make(endpoints: Endpoints) -> FirstAccount | None:
    conn = await connect(endpoints.database_url, application="jingwei-cli")
    try:
        if await accounts.has_accounts(conn):
            return None
        from console.secret import hash_password, make_password  # noqa: PLC0415 - an extra

        password = make_password()
        async with transaction(conn) as writing:
            made = await accounts.add_account(
                writing, _NAME, "administrator", hash_password(password)
            )
            if not made:  # another `jingwei up` was faster, and shows it
                return None
            await audit.write(writing, "jingwei up", "add_account", _NAME, role="administrator")
        return FirstAccount(_NAME, password)
    finally:
        await conn.close()
