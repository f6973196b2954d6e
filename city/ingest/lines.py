"""A file's text by lines or pieces, in constant memory, and what was wrong in which line."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from city.ingest.errors import BadOption, UnreadableFile

MAX_LINE_BYTES = 1_000_000
_GZIP = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Lines:
    """Iterates over the text lines of a file, line ends included.

    Parameters
    ----------
    path
        Plain or gzip (told by its first bytes, not by its name).
    encoding
        Any that is a superset of ASCII, such as ``utf-8`` or ``gb18030``.

    Attributes
    ----------
    number
        Of the line last given, from 1.
    faults
        What was wrong with lines since it was last cleared, by number. Such a line is given
        with replacement characters, or empty, so that the reader stays in step.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        try:
            "".encode(encoding)
        except LookupError:
            raise BadOption(
                f"unknown encoding {encoding!r}: utf-8, gb18030 and latin-1 are usual"
            ) from None
        try:
            self._raw = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
        self._path, self._encoding = path, encoding
        self._stream = self._opened()
        self.number = 0
        self.faults: dict[int, str] = {}

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
        """How far the file (compressed or not) has been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[str]:
        while True:
            data = self._read(MAX_LINE_BYTES)
            if not data:
                return
            self.number += 1
            if self.number == 1:
                data = data.removeprefix(_UTF8_MARK)
            if len(data) == MAX_LINE_BYTES and not data.endswith(b"\n"):
                self._skip_line()
                self.faults[self.number] = f"the line is longer than {MAX_LINE_BYTES} bytes"
                yield "\n"
                continue
            yield self._text(data)

    def pieces(self, size: int = 65_536) -> Iterator[str]:
        """Give the text in pieces, for formats in which lines mean nothing.

        Raises
        ------
        UnreadableFile
            At the first byte that the encoding does not have.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        while True:
            data = self._guarded(lambda: self._stream.read(size))
            if self.number == 0:
                data, self.number = data.removeprefix(_UTF8_MARK), 1
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
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(
                f"{self._path} cannot be read beyond line {self.number}: {error}"
            ) from error

    def _opened(self) -> BinaryIO:
        head = self._raw.peek(3)
        stream: BinaryIO = self._raw
        if head.startswith(_GZIP):
            stream = cast("BinaryIO", gzip.open(self._raw, "rb"))  # noqa: SIM115 - see __exit__
        if head.startswith(_UTF16_MARKS):
            self._raw.close()
            raise UnreadableFile(f"{self._path} is UTF-16: save it as UTF-8 first")
        return stream
