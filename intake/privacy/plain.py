"""A text in plain characters, one for one: what looks alike is alike."""

import re
import unicodedata

_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_DIGITS = {
    code: str(unicodedata.digit(chr(code)))
    for code in range(0x660, 0xFF00)
    if unicodedata.digit(chr(code), None) is not None
}
_ALIKE = {
    **_DIGITS,
    **_FULL_WIDTH,
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣ー"), "-"),
    **dict.fromkeys(map(ord, "\t\r\u3000\u00a0\u200b\u200c\u200d\u2060\ufeff"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys(map(ord, "•・‧∙●"), "·"),
}
_WORDS = dict(
    zip("零〇○一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "00012345678911" + "23456789", strict=True)
)
_COUNTED = "[楼层号栋幢单室户人个名位点时分天次米辆年月日元块岁]"
_WORD = rf"[{''.join(_WORDS)}](?!{_COUNTED})"
_RUN = re.compile(
    rf"(?:[0-9]|{_WORD})(?:[ \-、]{{0,2}}[0-9]|{_WORD}|(?<=[^0-9])[ \-、,.·]{{1,2}}{_WORD}){{6,}}"
)
_IN_RUN = str.maketrans(_WORDS | dict.fromkeys("、,.·", "-"))
_LETTER_RUN = re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9Oo]{9}(?![0-9A-Za-z])")
_LETTER_O = str.maketrans("Oo", "00")


def plain(text: str) -> str:
    """Return the text with ASCII in place of full-width characters, other digits and dashes.

    Examples
    --------
    >>> plain("１３８—００１３　８０００")
    '138-0013 8000'
    """
    return text.translate(_ALIKE)


def digits_plain(view: str) -> str:
    """Return a plain text whose long runs of digits said as words are digits, too.

    Examples
    --------
    >>> digits_plain("幺三八零零一三八零零零，三号楼")
    '13800138000，三号楼'
    """
    view = _RUN.sub(_to_digits, view)
    return _LETTER_RUN.sub(lambda run: run[0].translate(_LETTER_O), view)


def _to_digits(run: re.Match[str]) -> str:
    return run[0] if run[0].isascii() else run[0].translate(_IN_RUN)
