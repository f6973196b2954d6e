"""The files of cities, by the digest of each city: what the ledger keeps so that any host has it.

A city is kept before the journal names it. Its files are compressed in pieces, so that neither
end holds a whole one in memory, and each file's hash is checked when it is written out again.
"""

import asyncio
import hashlib
import os
import re
import shutil
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import msgspec

from infra.ledger.errors import CityChanged, CityDamaged
from infra.ledger.pool import connect, ledger_errors
from infra.ledger.statements import statement

PIECE = 4 * 1024 * 1024
"""Bytes of a file in one piece, before compression."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class CityFile(msgspec.Struct, frozen=True):
    """One file of a city's folder as it was when it was looked at; ``sha256`` hexadecimal."""

    name: str
    size: int
    sha256: str


class CityName(msgspec.Struct, frozen=True):
    """A city: its content hash, whose it is, its name and that in English."""

    digest: str
    region: str
    name: str
    name_en: str


class InForce(msgspec.Struct, frozen=True):
    """A region and the digest of the city that its core decides over."""

    region: str
    city: str


def look_at(folder: Path, names: Iterable[str]) -> tuple[CityFile, ...]:
    """Return size and hash of files.

    Do it before the city is read: `keep` takes these files and no others, so that a folder
    that is written to meanwhile is not kept under the digest of what it was.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    return tuple(_look(folder, name) for name in sorted(names))


async def keep(
    conn: asyncpg.Connection, city: CityName, folder: Path, files: Iterable[CityFile]
) -> bool:
    """Keep a city's files; inside a transaction.

    Parameters
    ----------
    folder, files
        Where the files are, and what `look_at` found there.

    Returns
    -------
    bool
        False when the ledger had the city: nothing is written then. Of two workers at once,
        one writes and the other waits for it.

    Raises
    ------
    CityChanged
        A file is not any more what `look_at` found.
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
            raise _changed(folder / file.name, "its content is another")
    return True


async def kept(conn: asyncpg.Connection) -> set[str]:
    """Return the digests of the cities that the ledger keeps."""
    return {row["digest"] for row in await conn.fetch(statement("city_files.kept"))}


async def served(conn: asyncpg.Connection) -> list[str]:
    """Return the digests of all cities that workers on this ledger have ever served."""
    return [row["city"] for row in await conn.fetch(statement("city_files.served"))]


async def in_force(conn: asyncpg.Connection) -> list[InForce]:
    """Return the regions that have a city, in order, each with the one in force."""
    rows = await conn.fetch(statement("city_files.in_force"))
    return [InForce(row["region"], row["city"]) for row in rows]


async def fetch(conn: asyncpg.Connection, digest: str, folder: Path) -> bool:
    """Write a city's files to a new folder, whole and checked or not at all.

    Parameters
    ----------
    folder
        Its parent is there; left as it is when another process has made it meanwhile.

    Returns
    -------
    bool
        False when the ledger does not keep that city.

    Raises
    ------
    CityDamaged
        What the ledger keeps is not what was put in.
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
    """As `fetch`, from plain code, on a connection of its own.

    A core asks for streets in the middle of a decision, on a thread whose event loop is busy
    with it; so this has a thread and a loop of its own.

    Raises
    ------
    LedgerError
        The ledger cannot be read, or as `fetch`.
    OSError
        As `fetch`.
    """
    found: list[bool] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(_fetch_by(url, digest, folder)))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="fetch city", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


async def _fetch_by(url: str, digest: str, folder: Path) -> bool:
    connection = await connect(url, application="jingwei city")
    try:
        return await fetch(connection, digest, folder)
    finally:
        await connection.close()


async def _fetch_file(conn: asyncpg.Connection, digest: str, file: CityFile, draft: Path) -> None:
    if not _PLAIN_NAME.fullmatch(file.name):
        raise _damaged(digest, file, "its name is no plain file's")
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
        raise _damaged(digest, file, "its hash is not the one that was kept")


def _put(draft: Path, folder: Path) -> None:
    """Give a folder its name, unless another process was faster, with the same content."""
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
        f"{path} has changed while the city was read ({how}): start again when nothing writes to "
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
