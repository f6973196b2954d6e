"""The files of cities by digest, stored in the ledger so that every host can get them.

A city is stored before the journal names it. Its files are compressed in pieces, so that neither
side has a whole file in memory, and each file's hash is checked when it is written out again.
"""

import asyncio
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import msgspec

from infra.ledger.apart import run_apart
from infra.ledger.errors import CityChanged, CityDamaged
from infra.ledger.pool import connect, ledger_errors
from infra.ledger.statements import statement

PIECE = 4 * 1024 * 1024
"""Bytes of a file in one piece, before compression."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class CityFile(msgspec.Struct, frozen=True):
    """One file of a city's folder at the time of `look_at`; ``sha256`` hexadecimal."""

    name: str
    size: int
    sha256: str


class CityName(msgspec.Struct, frozen=True):
    """A city: its digest, region, name and English name."""

    digest: str
    region: str
    name: str
    name_en: str


class InForce(msgspec.Struct, frozen=True):
    """A region, the digest of the city that its core uses, and its fences' last change."""

    region: str
    city: str
    fences: int = 0


def look_at(folder: Path, names: Iterable[str]) -> tuple[CityFile, ...]:
    """Return size and hash of files.

    Call it before the city is read: `keep` stores exactly these files, so that a folder that is
    changed meanwhile is not stored under the digest of its old content.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    return tuple(_look(folder, name) for name in sorted(names))


async def keep(
    conn: asyncpg.Connection, city: CityName, folder: Path, files: Iterable[CityFile]
) -> bool:
    """Store a city's files; inside a transaction.

    Parameters
    ----------
    folder, files
        Folder of the files, and the result of `look_at`.

    Returns
    -------
    bool
        False if the ledger already had the city; nothing is written then. Of two workers at
        once, one writes and the other waits for it.

    Raises
    ------
    CityChanged
        A file has changed since `look_at`.
    """
    await conn.execute(statement("city_files.patience"))
    if await conn.fetchval(statement("city_files.keep"), *msgspec.structs.astuple(city)) is None:
        return False
    for file in files:
        await conn.execute(
            statement("city_files.keep_file"), city.digest, file.name, file.size, file.sha256
        )
        sums = hashlib.sha256()
        for number, piece in enumerate(_pieces_again(folder / file.name)):
            sums.update(piece)
            content = await asyncio.to_thread(zlib.compress, piece)
            await conn.execute(
                statement("city_files.keep_part"), city.digest, file.name, number, content
            )
        if sums.hexdigest() != file.sha256:
            raise _changed(folder / file.name, "its content differs")
    return True


async def kept(conn: asyncpg.Connection) -> set[str]:
    """Return the digests of the cities in the ledger."""
    return {row["digest"] for row in await conn.fetch(statement("city_files.kept"))}


async def served(conn: asyncpg.Connection) -> list[str]:
    """Return the digests of all cities that workers on this ledger have ever served."""
    return [row["city"] for row in await conn.fetch(statement("city_files.served"))]


async def in_force(conn: asyncpg.Connection) -> list[InForce]:
    """Return the regions with a city, in order, each with the city in force."""
    rows = await conn.fetch(statement("city_files.in_force"))
    return [InForce(row["region"], row["city"], row["fences"]) for row in rows]


async def fetch(conn: asyncpg.Connection, digest: str, folder: Path) -> bool:
    """Write a city's files to a new folder, completely and checked, or not at all.

    Parameters
    ----------
    folder
        Its parent exists; if another process has created it meanwhile, it is kept.

    Returns
    -------
    bool
        False if the ledger does not have the city.

    Raises
    ------
    CityDamaged
        The ledger's files are not the ones that were stored.
    LedgerError
        The ledger cannot be read.
    OSError
        The folder cannot be written.
    """
    # Not inside ``reading``, which would take a full disk here for one of the ledger's. What is
    # read never changes, so it needs no common moment.
    with ledger_errors():
        rows = await conn.fetch(statement("city_files.files"), digest)
    if not rows:
        return False
    draft = Path(mkdtemp(prefix=".fetch-", dir=folder.parent))
    try:
        for row in rows:
            await _fetch_file(conn, digest, CityFile(*row), draft)
        _put(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def fetch_now(url: str, digest: str, folder: Path) -> bool:
    """Call `fetch` from synchronous code, on a separate connection.

    A core needs streets in the middle of a decision, on a thread whose event loop is busy with
    it, so this uses a separate thread and loop.

    Raises
    ------
    LedgerError
        The ledger cannot be read, or as in `fetch`.
    OSError
        As in `fetch`.
    """
    return run_apart(_fetch_by(url, digest, folder), "fetch city")


async def _fetch_by(url: str, digest: str, folder: Path) -> bool:
    connection = await connect(url, application="jingwei city")
    try:
        return await fetch(connection, digest, folder)
    finally:
        await connection.close()


async def _fetch_file(conn: asyncpg.Connection, digest: str, file: CityFile, draft: Path) -> None:
    if not _PLAIN_NAME.fullmatch(file.name):
        raise _damaged(digest, file, "its name is not a plain file name")
    sums, size = hashlib.sha256(), 0
    with (draft / file.name).open("xb") as out:
        for number in range(-(-file.size // PIECE)):
            with ledger_errors():
                row = await conn.fetchrow(statement("city_files.part"), digest, file.name, number)
            if row is None:
                raise _damaged(digest, file, f"piece {number} is missing")
            try:
                piece = zlib.decompress(row["content"])
            except zlib.error as error:
                raise _damaged(digest, file, f"piece {number}: {error}") from error
            sums.update(piece)
            size += len(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if (size, sums.hexdigest()) != (file.size, file.sha256):
        raise _damaged(digest, file, "its hash differs from the stored one")


def _put(draft: Path, folder: Path) -> None:
    """Give a folder its name, unless another process was faster with the same content."""
    _sync(draft)
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    _sync(folder.parent)


def _damaged(digest: str, file: CityFile, why: str) -> CityDamaged:
    return CityDamaged(
        f"the ledger's copy of the city {digest} is damaged: {file.name}, {why}. Restore the "
        "tables city_file and city_part, or put the city's folder into the archive's cities"
    )


def _look(folder: Path, name: str) -> CityFile:
    sums, size = hashlib.sha256(), 0
    for piece in _pieces(folder / name):
        sums.update(piece)
        size += len(piece)
    return CityFile(name, size, sums.hexdigest())


def _pieces_again(path: Path) -> Iterator[bytes]:
    try:
        yield from _pieces(path)
    except OSError as error:
        raise _changed(path, str(error)) from error


def _changed(path: Path, how: str) -> CityChanged:
    return CityChanged(
        f"{path} changed while the city was read ({how}): start again when nothing writes to "
        "the folder any more"
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
