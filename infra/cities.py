"""Load a city by its digest: from the folder of cities on this host, or from the ledger.

The folder is a cache. Missing cities are fetched; damaged ones are deleted and fetched again; if
the folder is not writable, a city is read from a temporary folder. A city is used only if it has
the requested digest.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from infra.archive.cities import city_folder_name
from infra.archive.errors import CityMissing
from infra.archive.layout import make_folder
from infra.ledger import city_files, fences
from infra.ledger.apart import run_apart
from infra.ledger.errors import CityDamaged
from infra.ledger.pool import connect, ledger_errors
from schemas.records import FenceChange

log = logging.getLogger(__name__)


class Digested(Protocol):
    """The part of a city used here."""

    @property
    def digest(self) -> str:
        """The content hash."""


City = TypeVar("City", bound=Digested)


def city_by_digest(root: Path, url: str, digest: str, load: Callable[[Path], City]) -> City:
    """Return a city from the cache or the ledger.

    Parameters
    ----------
    root
        ``Endpoints.archive_dir``; the folder ``cities`` in it is the cache.
    url
        URL of the ledger, of any role except the planner's.
    digest
        The digest, as a journal names it.
    load
        Reads a city's folder, such as ``atlas.folder.load_city``.

    Raises
    ------
    CityMissing
        Neither the cache nor the ledger has it.
    CityDamaged
        The ledger's copy cannot be read, or is another city.
    LedgerError
        The ledger cannot be read.
    OSError
        No folder is writable, not even a temporary one.
    """
    folder = city_folder_name(root, digest)
    if folder.is_dir():
        found = _cached(folder, digest, load)
        if found is not None:
            return found
    if not folder.exists():
        try:
            make_folder(folder.parent)
            return _fetched(folder, url, digest, load)
        except OSError as error:
            log.warning("cannot cache the city %s in %s: %s", digest, folder.parent, error)
    with tempfile.TemporaryDirectory(prefix="jingwei-city-") as scratch:
        return _fetched(Path(scratch) / digest, url, digest, load)


def changes_now(url: str, digest: str, until: int | None = None) -> list[FenceChange]:
    """Return the changes of a city's fences that the ledger has, up to one, in order.

    Raises
    ------
    LedgerError
        The ledger cannot be read.
    """
    return run_apart(_changes(url, digest, until), "fetch fences")


async def _changes(url: str, digest: str, until: int | None) -> list[FenceChange]:
    connection = await connect(url, application="jingwei city")
    try:
        with ledger_errors():
            return await fences.changes(connection, digest, until)
    finally:
        await connection.close()


def _cached(folder: Path, digest: str, load: Callable[[Path], City]) -> City | None:
    """Return the cached city with this digest, or None if it is damaged."""
    try:
        found = load(folder)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - for any fault, there is another copy
        why = str(error) or type(error).__name__
    else:
        if found.digest == digest:
            return found
        why = f"it holds the city {found.digest}"
    log.warning("the cached city in %s is damaged (%s): fetching it again", folder, why)
    _set_aside(folder)
    return None


def _set_aside(folder: Path) -> None:
    """Move a damaged copy away in one step, because another process may be reading it."""
    try:
        grave = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
        folder.rename(grave / folder.name)
    except OSError as error:
        log.warning("cannot delete %s: %s", folder, error)
        return
    shutil.rmtree(grave, ignore_errors=True)


def _fetched(folder: Path, url: str, digest: str, load: Callable[[Path], City]) -> City:
    if not city_files.fetch_now(url, digest, folder):
        raise CityMissing(
            f"the city {digest} is neither in {folder.parent} nor in the ledger: start a worker "
            "with --city and its folder once, on any host, or copy the folder there under this "
            "name"
        )
    try:
        found = load(folder)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise CityDamaged(
            f"the ledger's copy of the city {digest} cannot be read: {error}"
        ) from error
    if found.digest != digest:
        _set_aside(folder)
        raise CityDamaged(
            f"the ledger's city {digest} has the digest {found.digest}: it was made by another "
            "version of Jingwei, or changed in the ledger. Put the right city's folder into "
            f"{folder.parent} under the name {digest}"
        )
    log.info("fetched the city %s from the ledger", digest)
    return found
