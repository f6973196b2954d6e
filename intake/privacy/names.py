"""What names a person otherwise: plates, e-mail addresses, accounts, the contact's words."""

import re
from collections.abc import Iterator

from intake.privacy.plain import plain
from intake.privacy.spans import Span
from schemas.inputs import Contact

_AT = r"(?:@|[(\[] ?at ?[)\]])"
_DOT = r"(?:\.|[(\[] ?dot ?[)\]])"
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+"
    rf"(?: ?{_AT} ?[A-Za-z0-9\-]+(?: ?{_DOT} ?[A-Za-z0-9\-]+)*? ?{_DOT} ?[A-Za-z]{{2,}}"
    rf"(?:{_DOT}[A-Za-z]{{2,}})*"
    r"| at [A-Za-z0-9\-]+ dot (?:com|cn|net|org)(?: dot cn)?\b)",
    re.IGNORECASE,
)
_PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(
    rf"[{_PROVINCE}] ?[A-HJ-NP-Z](?: ?[·.\-] ?| )?"
    r"(?:[DABCEFGHJK][A-HJ-NP-Z0-9] ?[0-9]{4}|[0-9]{5}[DABCEFGHJK]"
    r"|(?=(?:[A-Z ]*[0-9]){3})[A-HJ-NP-Z0-9](?: ?[A-HJ-NP-Z0-9]){4}"
    r"|[A-HJ-NP-Z0-9]{4}(?=[学警挂港澳使领]))[学警挂港澳使领]?(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_SERVICE = (
    r"微信号?|薇信|企业微信|QQ号?|扣扣号?|抖音号?|小红书号?|支付宝账?号?|旺旺"
    r"|(?<![A-Za-z])(?:wechat|weixin|wx|vx|qq|telegram|skype|whatsapp|line)(?: ?id)?(?![A-Za-z])"
    r"|加[vV]信?|\b[vV]信"
)
_ACCOUNT = re.compile(
    rf"(?P<service>{_SERVICE})(?P<link> {{0,2}}(?:[:=号]|是|为|叫|同号|账号|is\b|id\b)?[ :]{{0,3}})"
    r"(?P<n>[A-Za-z][A-Za-z0-9_\-]{4,19}|[0-9]{5,11})(?![A-Za-z0-9_\-@])",
    re.IGNORECASE,
)
_MAY_NAME = re.compile(_SERVICE, re.IGNORECASE)
_SHORTEST_NAME = 2
_SHORTEST_PHONE = 5


def emails(view: str) -> Iterator[Span]:
    """Find e-mail addresses in a plain text."""
    for match in _EMAIL.finditer(view):
        yield Span(match.start(), match.end(), "email")


def plates(view: str) -> Iterator[Span]:
    """Find the plates of vehicles in a plain text."""
    for match in _PLATE.finditer(view):
        yield Span(match.start(), match.end(), "plate")


def may_name_account(view: str) -> bool:
    """Tell whether a service that has accounts is spoken of."""
    return _MAY_NAME.search(view) is not None


def accounts(view: str) -> Iterator[Span]:
    """Find what comes after the name of a service and is an account of it."""
    for match in _ACCOUNT.finditer(view):
        service, name = match["service"], match["n"]
        told = match["link"].strip() or not service.isascii()
        if told or re.search("[0-9_]", name):
            yield Span(match.start("n"), match.end("n"), "account")


def of_contact(view: str, contact: Contact) -> Iterator[Span]:
    """Find what a report's contact says of itself, however its number is spaced."""
    for word, kind in ((contact.email, "email"), (contact.phone, "phone"), (contact.name, "name")):
        said = plain(word or "").strip()
        if len(said) >= _SHORTEST_NAME:
            for match in re.finditer(_whole(said), view, re.IGNORECASE):
                yield Span(match.start(), match.end(), kind)
    digits = re.sub("[^0-9]", "", plain(contact.phone or ""))
    if len(digits) >= _SHORTEST_PHONE:
        spaced = r"[ \-]{0,2}".join(digits)
        for match in re.finditer(rf"(?<![0-9]){spaced}(?![0-9])", view):
            yield Span(match.start(), match.end(), "phone")


def _whole(word: str) -> str:
    """Return a pattern of a word: Latin letters do not stand inside others."""
    return rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])" if word.isascii() else re.escape(word)
