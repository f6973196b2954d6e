"""A city by its digest: from the folder of cities on this host, else from the ledger.

The folder is a cache. What it lacks is fetched; what is damaged in it is thrown away and
fetched again; where it cannot be written, a city is read from a temporary folder. What a
folder holds is believed only when the city read from it has the digest that was asked for.
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
from infra.ledger import city_files
from infra.ledger.errors import CityDamaged

log = logging.getLogger(__name__)


class Digested(Protocol):
    """What is known of a city here."""

    @property
    def digest(self) -> str:
        """The content hash."""


City = TypeVar("City", bound=Digested)


def city_by_digest(root: Path, url: str, digest: str, load: Callable[[Path], City]) -> City:
    """Return a city, wherever it is kept.

    Parameters
    ----------
    root
        ``Endpoints.archive_dir``; the folder ``cities`` in it is the cache.
    url
        The ledger's, of any role but the planner's.
    digest
        The content hash, as a journal names it.
    load
        Reads a city's folder, such as ``geo.city.load_city``.

    Raises
    ------
    CityMissing
        Neither has it.
    CityDamaged
        The ledger's copy cannot be read, or is another city.
    LedgerError
        The ledger cannot be asked.
    OSError
        No folder can be written, the temporary one neither.
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
            log.warning("%s cannot keep the city %s: %s", folder.parent, digest, error)
    with tempfile.TemporaryDirectory(prefix="jingwei-city-") as scratch:
        return _fetched(Path(scratch) / digest, url, digest, load)


def _cached(folder: Path, digest: str, load: Callable[[Path], City]) -> City | None:
    """Return the city that the cache holds under a digest, None if it is damaged."""
    try:
        found = load(folder)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, there is another copy
        why = str(error) or type(error).__name__
    else:
        if found.digest == digest:
            return found
        why = f"it holds the city {found.digest}"
    log.warning("the copy of a city in %s is damaged (%s): it is fetched again", folder, why)
    _set_aside(folder)
    return None


def _set_aside(folder: Path) -> None:
    """Take a damaged copy out of the way, in one step: another process may be reading it."""
    try:
        grave = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
        folder.rename(grave / folder.name)
    except OSError as error:
        log.warning("%s cannot be thrown away: %s", folder, error)
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
            f"the city that the ledger keeps as {digest} reads as {found.digest}: it was made by "
            "another version of Jingwei, or changed in the ledger. Put the right city's folder "
            f"into {folder.parent} under that name"
        )
    log.info("fetched the city %s from the ledger", digest)
    return found
