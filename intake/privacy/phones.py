"""Telephone numbers of people: mobile, landline with and without area code, foreign.

Public numbers (110, 12345, 400-…, 95…) are left: they are nobody's own. Whether a number is
one, and what kind, is `phonenumbers`' to say.
"""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from intake.privacy.spans import Span

_HOME = "CN"
_PUBLIC = {
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.UAN,
}
_EXTENSION = (
    r"(?:[ ,(]{0,2}(?:转接?|分机号?|内线|ext\.?|x|#)[ :.]{0,2}[0-9]{1,6}\)?"
    r"|-[0-9]{3,4}(?![0-9\-]))?"
)
_AMOUNT = r"(?!\s*(?:元|块|万|亿|人次?|米|m\b|公里|km|吨|度|%|[0-9]))"
_CHINA = r"(?:\(?(?:\+|00)?86\)?[ \-]{0,2})?"

_MOBILE = re.compile(
    rf"(?<![0-9])(?<![0-9]\.)(?P<china>{_CHINA})"
    r"\(?(?P<n>1[ \-]?[3-9][ \-]?[0-9]\)?(?:[ \-_./*]{0,3}[0-9]){8})"
    rf"(?![0-9]){_AMOUNT}"
)
_LANDLINE = re.compile(
    r"(?<![0-9.\-])(?P<n>(?:\(0[1-9][0-9]{1,2}\)|0[1-9][0-9]{1,2}"
    r"|\(?(?:\+|00)86\)?[ \-]{0,2}(?:\(0\))?0?[1-9][0-9]{1,2})[ \-)]{0,3}"
    rf"[1-9](?:[ \-]?[0-9]){{6,7}})(?![0-9]){_AMOUNT}{_EXTENSION}",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"(?<![0-9])(?P<n>(?:\+|(?<![A-Za-z\-])00(?=[1-9])|(?=(?:852|853|886)[ \-]))"
    r"[ (]?[1-9][0-9 \-().]{6,20}[0-9])"
    rf"(?![0-9]){_EXTENSION}",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?:电话|座机|手机|号码|联系|致电|拨打?|打给|回电|来电|传真|微信|家里|办公室"
    r"|\b(?:call|phone|telephone|tel|mobile|cell|ring|dial|contact|reach|text|whatsapp|fax"
    r"|landline|number is|my number|home number)\b)"
    r"(?P<between>[^0-9\n。！？!?；;]{0,14}?)(?=[0-9(])",
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"(?P<n>[2-9][0-9]{2,3}[ \-]?[0-9]{4}"  # 6213 1234, 621 1234
    r"|\(?[2-9][0-9]{2}\)?[ \-.]{0,2}[0-9]{3}[ \-.]?[0-9]{4}"  # (415) 555-0132
    r"|0[0-9]{2,4}[ \-]?[0-9]{3,4}[ \-]?[0-9]{3,4})"  # 07911 123456
    rf"(?![0-9\-.]){_AMOUNT}{_EXTENSION}",
    re.IGNORECASE,
)
_AND = re.compile(r"\s{0,2}(?:或者?|、|,|/|和|及|or|and)\s{0,2}", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:工单|单|编|案件|事件|报案|受理|流水|订单|运单|合同|设备|序列|资产|井盖|灯杆|站点|回执)"
    r"(?:号码?|编号)?[ :#是为]{0,3}$"
    r"|\b(?:ticket|order|case|incident|report|ref|reference|serial|asset|invoice|request|id|sn|no)"
    r"\b\.?[ :#]*(?:id|no\.?|number|is|#)?[ :#]{0,3}$",
    re.IGNORECASE,
)
_BEFORE = 24
_TAIL = re.compile(r"(?:tel|ph|phone|mob|mobile|cell|t|m|p|h|hp|vx|wx|v|qq|call)$", re.IGNORECASE)


def phones(view: str) -> Iterator[Span]:
    """Find telephone numbers in a plain text."""
    for match in _MOBILE.finditer(view):
        if _is_mobile(view, match):
            yield Span(match.start(), match.end(), "phone")
    for match in _LANDLINE.finditer(view):
        if _stands_alone(view, match.start()) and _is_valid(match["n"], _HOME):
            yield Span(match.start(), match.end(), "phone")
    for match in _FOREIGN.finditer(view):
        end = _foreign_end(match["n"])
        if end:
            whole = match.end() if end == len(match["n"]) else match.start() + end
            yield Span(match.start(), whole, "phone")
    for match in _SAID.finditer(view):
        yield from _said(view, match.end())


def _is_mobile(view: str, match: re.Match[str]) -> bool:
    if not _stands_alone(view, match.start()) or re.match("[A-Za-z]", view[match.end() :]):
        return False
    groups = [len(group) for group in re.findall("[0-9]+", match["n"])]
    whole = len(groups) == 1
    if whole and not match["china"] and _LABEL.search(view[: match.start()][-_BEFORE:]):
        return False
    if not whole and not _is_grouping(groups, match["n"]):
        return False
    return whole or _is_valid(match["n"], _HOME)


def _is_grouping(groups: list[int], number: str) -> bool:
    """Whether digits in such groups are said as one number, and are no list of numbers."""
    if any(sep in number for sep in "./_*"):
        return groups in ([3, 4, 4], [3, 8], [7, 4])
    if max(groups) == 1 or max(groups[:-1]) == min(groups[:-1]) == 2:  # noqa: PLR2004 - pairs
        return True
    return groups[0] >= 3 and min(groups) >= 2 and len(groups) <= 5  # noqa: PLR2004 - as people write


def _stands_alone(view: str, start: int) -> bool:
    """Whether no word runs into the number, but one that says what it is."""
    if start == 0 or not (view[start - 1].isascii() and view[start - 1].isalpha()):
        return True
    return _TAIL.search(re.split("[^A-Za-z]", view[:start][-_BEFORE:])[-1]) is not None


def _said(view: str, at: int) -> Iterator[Span]:
    """Find the numbers that follow a word for telephone, one after another."""
    while (match := _LOCAL.match(view, at)) is not None:
        if _is_date(match["n"]) or _is_public(match["n"]):
            return
        yield Span(match.start(), match.end(), "phone")
        link = _AND.match(view, match.end())
        if link is None:
            return
        at = link.end()


def _is_date(number: str) -> bool:
    return re.fullmatch(r"20[0-9]{2}-?(?:0[1-9]|1[0-2])-?[0-3][0-9]", number) is not None


def _is_public(number: str) -> bool:
    parsed = _parse(number, _HOME)
    return parsed is not None and phonenumbers.number_type(parsed) in _PUBLIC


def _is_valid(number: str, region: str) -> bool:
    parsed = _parse(number, region)
    return (
        parsed is not None
        and phonenumbers.is_valid_number(parsed)
        and phonenumbers.number_type(parsed) not in _PUBLIC
    )


def _foreign_end(number: str) -> int:
    """Return where a number with a country code ends; further digits may follow it. 0 if none."""
    ends = [match.end() for match in re.finditer("[0-9]+", number)]
    for end in reversed(ends):
        said = number[:end]
        parsed = _parse(said if said[0] in "+0" else f"+{said}", _HOME)
        if parsed is None:
            continue
        if said[0] == "+" and phonenumbers.is_possible_number(parsed):
            return end
        if phonenumbers.is_valid_number(parsed):
            return end
    return 0


def _parse(number: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(re.sub(r"[^0-9+]|\(0\)", "", number), region)
    except NumberParseException:
        return None
