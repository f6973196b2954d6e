"""A file's text by lines or pieces, in constant memory, with the faults of each line."""

import codecs
import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from city.ingest.encodings import UTF8_MARK, told_encoding
from city.ingest.errors import BadOption, UnreadableFile

MAX_LINE_BYTES = 1_000_000
_PIECE = 65_536
_GZIP = b"\x1f\x8b"


class Lines:
    """Iterates over the text lines of a file, line ends included.

    Parameters
    ----------
    path
        Plain or gzip (recognised by its first bytes, not by its name).
    encoding
        A superset of ASCII, such as ``utf-8`` or ``gb18030``, or ``utf-16``; None for the one that
        the file's bytes tell.

    Attributes
    ----------
    number
        Number of the last returned line, from 1.
    faults
        Faults of lines by number, since last cleared. A faulty line is returned with
        replacement characters, or empty, so that line numbers stay right.
    encoding
        The encoding in use.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        try:
            "".encode(encoding or "ascii")
        except LookupError:
            raise BadOption(
                f"unknown encoding {encoding!r}: use, for example, utf-8, gb18030 or latin-1"
            ) from None
        try:
            self._raw = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
        self._path = path
        self.number = 0
        self.faults: dict[int, str] = {}
        if encoding is None:
            try:
                with contextlib.closing(self._opened()) as stream:
                    encoding = told_encoding(self._bytes(stream))
            finally:
                self._raw.close()
            self._raw = path.open("rb")
        stream = self._opened()
        if encoding.casefold().replace("_", "-") in {"utf-16", "utf16"}:
            # As UTF-8, so that a line ends where a line feed is.
            stream = cast("BinaryIO", codecs.EncodedFile(stream, "utf-8", "utf-16"))
            self._encoding = "utf-8"
        else:
            self._encoding = encoding
        self._stream, self.encoding = stream, encoding

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        self._raw.close()

    @property
    def bytes_read(self) -> int:
        """Return the read position in the file, in (possibly compressed) bytes."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[str]:
        while True:
            data = self._read(MAX_LINE_BYTES)
            if not data:
                return
            self.number += 1
            if self.number == 1:
                data = data.removeprefix(UTF8_MARK)
            if len(data) == MAX_LINE_BYTES and not data.endswith(b"\n"):
                self._skip_line()
                self.faults[self.number] = f"the line is longer than {MAX_LINE_BYTES} bytes"
                yield "\n"
                continue
            yield self._text(data)

    def pieces(self, size: int = 65_536) -> Iterator[str]:
        """Yield the text in pieces, for formats without lines.

        Raises
        ------
        UnreadableFile
            A byte is invalid in the encoding.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        while True:
            data = self._guarded(lambda: self._stream.read(size))
            if self.number == 0:
                data, self.number = data.removeprefix(UTF8_MARK), 1
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = self.number + error.object.count(b"\n", 0, error.start)
                raise UnreadableFile(
                    f"{self._path}, line {line}: byte {error.object[error.start]:#04x} is not "
                    f"{self._encoding}: give --encoding"
                ) from error
            if not data:
                return
            self.number += text.count("\n")
            yield text

    def _text(self, data: bytes) -> str:
        try:
            return data.decode(self._encoding)
        except UnicodeDecodeError as error:
            hint = "" if self._encoding == "gb18030" else "; Chinese files often need gb18030"
            self.faults[self.number] = (
                f"byte {data[error.start]:#04x} at position {error.start + 1} of the line is not "
                f"{self._encoding}: give --encoding{hint}"
            )
            return data.decode(self._encoding, errors="replace")

    def _skip_line(self) -> None:
        while (data := self._read(MAX_LINE_BYTES)) and not data.endswith(b"\n"):
            pass

    def _read(self, limit: int) -> bytes:
        return self._guarded(lambda: self._stream.readline(limit))

    def _guarded(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except (OSError, EOFError, zlib.error, UnicodeError) as error:
            raise UnreadableFile(
                f"{self._path} cannot be read beyond line {self.number}: it is damaged or cut "
                "short (copy it again)"
            ) from error

    def _bytes(self, stream: BinaryIO) -> Iterator[bytes]:
        while piece := self._guarded(lambda: stream.read(_PIECE)):
            yield piece

    def _opened(self) -> BinaryIO:
        head = self._raw.peek(3)
        if head.startswith(_GZIP):
            return cast("BinaryIO", gzip.open(self._raw, "rb"))
        return self._raw
