"""Copies of the cities that decisions were made in: replay needs the same streets."""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from infra.archive.errors import CityMissing
from infra.archive.layout import make_folder, sync_folder


def keep_city(root: Path, folder: Path, digest: str) -> Path:
    """Copy a city's folder into the archive, unless it is there.

    Parameters
    ----------
    root
        The archive's folder; a city is known by its content, whatever the broker.
    folder
        The city's folder, as the worker loaded it.
    digest
        The city's content hash, hexadecimal; names the copy.

    Returns
    -------
    Path
        The copy's folder; it is on disk.
    """
    kept = city_folder_name(root, digest)
    if kept.is_dir():
        return kept
    make_folder(kept.parent)
    draft = Path(mkdtemp(prefix=".copy-", dir=kept.parent))
    try:
        shutil.copytree(folder, draft, dirs_exist_ok=True)
        for path in (draft, *draft.rglob("*")):
            _sync(path)
        try:
            draft.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another worker was faster, with the same content
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync_folder(kept.parent)
    return kept


def city_folder(root: Path, digest: str) -> Path:
    """Return the folder of the archive's copy of a city.

    Raises
    ------
    CityMissing
        If there is none.
    """
    kept = city_folder_name(root, digest)
    if not kept.is_dir():
        raise CityMissing(
            f"the archive has no copy of the city {digest} (expected at {kept}): the worker makes "
            "it when it starts; or copy the city's folder there by hand"
        )
    return kept


def city_folder_name(root: Path, digest: str) -> Path:
    """Return where the copy of a city is, or would be."""
    return root / "cities" / digest


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
