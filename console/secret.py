"""Secrets made, hashed and compared: passwords, sessions, tokens."""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
"""Argon2id with the parameters of RFC 9106 for little memory: 64 MiB, 3 passes, 4 lanes."""
CHECKS = 2
"""So many passwords are checked at once: each check takes 64 MiB and a core."""
_PREFIX = "jw_"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LONGEST = 1_024
"""No password may have more characters."""
SHORTEST = 12


def make_password() -> str:
    """Return a password of 120 bits to be shown once."""
    return secrets.token_urlsafe(15)


def hash_password(password: str) -> str:
    """Return a password's Argon2id hash with its parameters and salt, in the PHC form."""
    return _HASHER.hash(password)


_NOBODYS = hash_password(secrets.token_urlsafe())


async def fits(password: str, known: str | None, checks: asyncio.Semaphore) -> bool:
    """Return whether a password fits its hash; without a hash it takes as long, and does not."""
    async with checks:
        right = await asyncio.to_thread(_verify, known or _NOBODYS, password)
    return right and known is not None


def _verify(known: str, password: str) -> bool:
    try:
        return _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a secret of high entropy, as the ledger keeps it."""
    return hashlib.sha256(secret.encode()).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)


def make_session() -> str:
    """Return the secret of a new session, 256 bits."""
    return secrets.token_urlsafe(32)


def make_link() -> str:
    """Return the secret of a link that signs somebody in once, 256 bits."""
    return secrets.token_urlsafe(32)


def csrf_token(session: str) -> str:
    """Return the token that a session's requests carry in a header; it does not tell the cookie."""
    return hmac.new(session.encode(), b"jingwei csrf", hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class ApiToken:
    """A new API token: ``jw_``, eight characters that name it, ``_`` and 256 bits."""

    prefix: str
    text: str = field(repr=False)


def make_token() -> ApiToken:
    """Return a new API token."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return ApiToken(prefix, f"{_PREFIX}{prefix}_{secrets.token_urlsafe(32)}")


def prefix_of(token: str) -> str | None:
    """Return the part that names a token, None if the text is no token."""
    head, prefix, rest = token[:3], token[3:11], token[11:]
    named = head == _PREFIX and set(prefix) <= set(_LETTERS) and rest.startswith("_")
    return prefix if named and len(rest) > 1 else None
