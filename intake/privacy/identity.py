"""Numbers of papers: Chinese identity numbers, passports and permits, bank cards."""

import re
from collections.abc import Iterator
from datetime import date

from stdnum import luhn
from stdnum.cn import ric

from intake.privacy.spans import Span

_EIGHTEEN = re.compile(r"(?<![0-9A-Za-z])[1-9](?:[ \-]?[0-9]){16}[ \-]?[0-9Xx](?![0-9A-Za-z])")
_FIFTEEN = re.compile(
    r"(?<![0-9A-Za-z])[1-9][0-9]{5}(?P<sep>[ \-]?)[0-9]{6}(?P=sep)[0-9]{3}(?![0-9A-Za-z])"
)
_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?:3[47](?:[ \-]?[0-9]){13}"
    r"|(?:4[0-9]|5[1-5]|6[0-5]|35)(?:[ \-]?[0-9]){14,17})(?![0-9A-Za-z])"
)
_OUR_NUMBER = re.compile(r"[0-9]{6}-20[2-9][0-9]{5}-[0-9]{4,}")
_HONG_KONG = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{1,2}[0-9]{6} ?\([0-9Aa]\)")
_PAPER = re.compile(
    r"(?:护照|通行证|回乡证|台胞证|居留证|居住证|身份证|证件|军官证|士兵证|警官证|驾驶证|驾照|社保卡"
    r"|\b(?:passport|id card|identity card|hkid|travel permit|driving licen[cs]e"
    r"|driver'?s licen[cs]e|id number|id no)\b)"
    r"(?:[^0-9A-Za-z\n。！？]|no\b|number\b|is\b|字第){0,12}"
    r"(?P<n>[A-Za-z]{0,2} ?[0-9](?:[ \-]?[0-9]|[A-Za-z](?![A-Za-z])){4,18}"
    r"(?:\([0-9A-Za-z]\))?)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_BANK = re.compile(
    r"(?:银行卡|卡号|账号|帐号|账户|\b(?:card|account)(?: number| no\.?)?)"
    r"[^0-9\n。！？]{0,8}(?P<n>[0-9](?:[ \-]?[0-9]){11,18})(?![0-9])",
    re.IGNORECASE,
)
_LEAST_DIGITS = 6
_PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_OLDEST = 1900
_YOUNGEST = 2020
"""Who was born later reports nothing; numbers of cases begin with a region and a day, too."""


def numbers(view: str) -> Iterator[Span]:
    """Find numbers of papers and cards in a plain text."""
    for pattern, is_one in _BY_THEMSELVES:
        for match in pattern.finditer(view):
            if is_one(match[0]):
                yield Span(match.start(), match.end(), "id number")
    for match in _PAPER.finditer(view):
        if sum(char.isdigit() for char in match["n"]) >= _LEAST_DIGITS:
            yield Span(match.start("n"), match.end("n"), "id number")
    for match in _BANK.finditer(view):
        yield Span(match.start("n"), match.end("n"), "card number")
    for match in _CARD.finditer(view):
        if luhn.is_valid(_digits(match[0])):
            yield Span(match.start(), match.end(), "card number")


def _digits(number: str) -> str:
    return re.sub("[^0-9Xx]", "", number).upper()


def _is_identity(number: str) -> bool:
    """Whether it is an identity number, or one that was mistyped in a digit."""
    digits = _digits(number)
    if _OUR_NUMBER.fullmatch(number) or not _PROVINCES.match(digits):
        return False
    born = _year(digits[6:10], digits[10:14])
    checked = born > 0 and ric.calc_check_digit(digits[:-1]) == digits[-1]
    return _OLDEST <= born < _YOUNGEST or checked


def _is_old_identity(number: str) -> bool:
    """Whether it is one of the fifteen digits that were given out until 1999."""
    digits = _digits(number)
    return _PROVINCES.match(digits) is not None and _year(f"19{digits[6:8]}", digits[8:12]) > 0


def _year(year: str, month_day: str) -> int:
    """Return the year, 0 where there is no such day."""
    try:
        return date(int(year), int(month_day[:2]), int(month_day[2:])).year
    except ValueError:
        return 0


def _is_hong_kong(number: str) -> bool:
    """Whether the check digit is right: weights 9 to 2, letters from 10 on, a blank 36."""
    values = [int(char, 36) for char in re.sub("[ ()]", "", number)]
    padded = [36] * (9 - len(values)) + values
    return (
        sum(value * weight for value, weight in zip(padded, range(9, 0, -1), strict=True)) % 11 == 0
    )


_BY_THEMSELVES = (
    (_EIGHTEEN, _is_identity),
    (_FIFTEEN, _is_old_identity),
    (_HONG_KONG, _is_hong_kong),
)
"""Numbers that tell by themselves what they are."""
