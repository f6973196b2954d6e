"""The chain of the audit, checked: from the ledger or from an exported file, without a database.

Each row has the hash of the row before it and a hash of both. A chain shows that rows were changed,
removed, moved or added between others. It cannot show that its last rows were cut off, or that all
were made anew: for that its head is noted elsewhere.
"""

import hashlib

import msgspec

NOTHING = bytes(32).hex()
"""What the first row has in place of the hash of a row before it."""


class Head(msgspec.Struct, frozen=True):
    """The last row of a chain: its id, and its hash, hexadecimal."""

    id: int
    hash: str


class Link(msgspec.Struct, frozen=True):
    """A row of the chain.

    Attributes
    ----------
    row
        A JSON array of id, time, role, actor, action, subject and detail: what the hash covers,
        to the character.
    previous, hash
        Hexadecimal. ``hash`` is the SHA-256 of ``previous``'s 32 bytes and of ``row`` in UTF-8.
    """

    id: int
    previous: str
    hash: str
    row: str


class Chain:
    """Follows a chain from its first row to its last.

    Parameters
    ----------
    noted
        A head that was noted before: its row must be there as it was.

    Attributes
    ----------
    rows
        How many rows were followed.
    head
        The last of them.
    """

    def __init__(self, noted: Head | None = None) -> None:
        self.rows, self.head = 0, Head(0, NOTHING)
        self._noted = noted

    def follow(self, link: Link) -> str | None:
        """Follow the next row; return what is wrong with it, None if nothing is."""
        last, self.head = self.head, Head(link.id, link.hash)
        self.rows += 1
        if link.previous != last.hash or link.id <= last.id:
            before = f"row {last.id}" if last.id else "the beginning"
            return f"row {link.id} does not follow {before}: rows were removed, moved or added"
        if link.hash != hash_of(link.previous, link.row) or _id_in(link.row) != link.id:
            return f"row {link.id} was changed: its hash is not that of its content"
        if self._noted is not None and self._noted.id == link.id and self._noted != self.head:
            return f"row {link.id} is not the one that was noted: the chain was made anew"
        return None

    def end(self) -> str | None:
        """Return what is missing behind the last row, None if nothing is known to be."""
        if self._noted is not None and self._noted.id > self.head.id:
            return (
                f"rows up to {self._noted.id} were noted, row {self.head.id} is the last: cut off"
            )
        return None


def hash_of(previous: str, row: str) -> str:
    """Return the hash of a row behind another; empty if ``previous`` is no hash."""
    try:
        return hashlib.sha256(bytes.fromhex(previous) + row.encode()).hexdigest()
    except ValueError:
        return ""


def _id_in(row: str) -> object:
    try:
        return msgspec.json.decode(row, type=list)[0]
    except (msgspec.MsgspecError, IndexError):
        return None
