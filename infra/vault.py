"""The vault: one secret file under which reporters' contacts are sealed, each by a key of its own.

A contact is sealed (AES-256-GCM) with a key that is made for its reporter alone; that key is
sealed with the file's and kept in a table of its own. Where the reporter's key is deleted, nobody
reads the contact any more, in no copy of the ledger that lacks the key: crypto-shredding.

The same file gives the secret of pseudonyms (HKDF-SHA-256, RFC 5869).
"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.local.errors import InvalidSettings

_BYTES = 32
_NONCE = 12
_OTHERS = 0o077


class VaultLocked(InvalidSettings):
    """The key file is missing, open to others, damaged, or not the one of this ledger."""


class Sealed(NamedTuple):
    """A contact that only `Vault.open` reads: the reporter's key, sealed, and the contact."""

    ref: str
    key: bytes
    content: bytes


class Vault:
    """Seals and opens contacts.

    Parameters
    ----------
    master
        32 bytes of the key file.

    Attributes
    ----------
    fingerprint
        Names the key file without telling it, hexadecimal.
    pseudonyms
        Secret of the pseudonyms, 32 bytes.
    """

    def __init__(self, master: bytes) -> None:
        self._keys = AESGCM(_derived(master, "keys of reporters"))
        self.pseudonyms = _derived(master, "pseudonyms")
        self.fingerprint = _derived(master, "fingerprint").hex()[:32]

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return f"Vault({self.fingerprint})"

    def seal(self, ref: str, contact: Mapping[str, Any]) -> Sealed:
        """Seal a reporter's contact under a new key."""
        key = AESGCM.generate_key(bit_length=256)
        return Sealed(
            ref,
            _encrypt(self._keys, key, ref),
            _encrypt(AESGCM(key), msgspec.json.encode(contact), ref),
        )

    def open(self, sealed: Sealed) -> dict[str, Any]:
        """Return a contact; raises `VaultLocked` if it was sealed by another vault, or changed."""
        try:
            key = _decrypt(self._keys, sealed.key, sealed.ref)
            content = _decrypt(AESGCM(key), sealed.content, sealed.ref)
        except InvalidTag:
            raise VaultLocked(
                f"the contact of reporter {sealed.ref} was sealed under another key, or damaged"
            ) from None
        contact: dict[str, Any] = msgspec.json.decode(content)
        return contact


def load_vault(path: Path) -> Vault:
    """Return the vault of a key file.

    Raises
    ------
    VaultLocked
        There is none, others may read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
        master = bytes.fromhex(text)
    except OSError as error:
        raise VaultLocked(
            f"the key of reporters' contacts cannot be read from {path} ({error.strerror}): copy "
            "it from the host that made it, or name it in JINGWEI_KEY_FILE"
        ) from None
    except ValueError:
        master, mode = b"", 0
    if mode & _OTHERS:
        raise VaultLocked(f"others may read {path}, a secret: run `chmod 600 {path}`")
    if len(master) != _BYTES:
        raise VaultLocked(
            f"{path} does not hold a key (64 hexadecimal digits): restore it from your backup"
        )
    return Vault(master)


def make_key_file(path: Path) -> None:
    """Make a key file, for its owner's eyes only; one that is there stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_bytes(_BYTES).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and never over another
        draft.unlink()
    except OSError as error:
        raise VaultLocked(
            f"the key of reporters' contacts cannot be written to {path} ({error.strerror}): name "
            "a place in JINGWEI_KEY_FILE"
        ) from None


def _derived(master: bytes, purpose: str) -> bytes:
    info = f"jingwei {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(master)


def _encrypt(cipher: AESGCM, plain: bytes, ref: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, ref.encode())


def _decrypt(cipher: AESGCM, sealed: bytes, ref: str) -> bytes:
    if len(sealed) <= _NONCE:
        raise InvalidTag
    return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], ref.encode())
