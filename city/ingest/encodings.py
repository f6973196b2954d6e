"""The encoding that a file's bytes tell."""

import codecs
from collections.abc import Iterable
from typing import Final

UTF8_MARK: Final = b"\xef\xbb\xbf"
UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")

_ENOUGH = 200_000
_COMMON_SHARE = 0.9
_ASCII = 0x80


def told_encoding(pieces: Iterable[bytes]) -> str:
    """Return the encoding of a file's bytes: ``utf-8``, ``utf-16`` or ``gb18030``.

    UTF-16 is told by its byte order mark. GB 18030 is told by bytes that are no UTF-8, but are GB
    18030, and nearly all of them common Chinese characters (those of GB 2312): letters of other
    encodings, such as those of Western Europe, would be rare characters. Anything else is read as
    UTF-8, and its lines with other bytes are faulty.
    """
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    chinese: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("gb18030")()
    seen = common = 0
    for number, piece in enumerate(pieces):
        if number == 0 and piece.startswith(UTF16_MARKS):
            return "utf-16"
        if utf8 is not None and not _decodes(utf8, piece):
            utf8 = None
        if chinese is not None:
            try:
                text = chinese.decode(piece)
            except UnicodeDecodeError:
                chinese = None
            else:
                if seen < _ENOUGH and not text.isascii():
                    beyond = "".join(char for char in text if ord(char) >= _ASCII)
                    seen += len(beyond)
                    common += len(beyond.encode("gb2312", errors="ignore")) // 2
        if utf8 is None and chinese is None:
            return "utf-8"
    if utf8 is not None or chinese is None:
        return "utf-8"
    return "gb18030" if seen and common >= _COMMON_SHARE * seen else "utf-8"


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes) -> bool:
    try:
        decoder.decode(piece)
    except UnicodeDecodeError:
        return False
    return True
