"""URLs of databases: checked before use, and shown without their password.

A URL that is malformed would be taken apart at the wrong place, and errors about one part, a port
say, would show a piece of the password. So it is checked first, by rules whose texts quote nothing.
"""

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_SECRET = ("password", "sslpassword")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[\w.%-]*)(?::(.*))?", re.DOTALL)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LARGEST_PORT = 65_535
_SHORTEST_SECRET = 4
_ENCODE = "in a user's name or password write it as"


def check(url: str) -> str:
    """Return a database's URL as it is, if it can be used.

    Parameters
    ----------
    url
        ``postgresql://user:password@host:port/database?name=value``; several hosts are separated
        by commas, and characters with a meaning are percent-encoded.

    Raises
    ------
    ValueError
        If it is malformed; the text quotes nothing of it.
    """
    fault = _fault(url)
    if fault is not None:
        raise ValueError(f"{fault}; a URL is postgresql://user:password@host:port/database")
    return url


def split_password(url: str) -> tuple[str, str | None]:
    """Return a database's URL without its password, and the password, None if it has none."""
    parts = urlsplit(url)
    account, at, place = parts.netloc.rpartition("@")
    user, colon, password = account.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    rest = urlencode([(name, value) for name, value in query if name not in _SECRET])
    shown = urlunsplit(parts._replace(netloc=f"{user}{at}{place}", query=rest))
    return shown, dict(query).get("password", unquote(password) if colon else None)


def redact(text: str, url: str) -> str:
    """Return a text without the secrets of a URL, in case a library put them in."""
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return text


def _fault(url: str) -> str | None:  # noqa: PLR0911 - one return a rule
    if any(c.isspace() or not c.isprintable() for c in url):
        return f"it has a space or a control character; {_ENCODE} %20 (space), %09 and so on"
    scheme, found, rest = url.partition("://")
    if not found or scheme not in ("postgresql", "postgres"):
        return "it does not begin with postgresql://"
    if "#" in rest or "\\" in rest:
        return f"it has a # or a backslash; {_ENCODE} %23 or %5C"
    if _PERCENT.search(rest) or "%00" in rest:
        return f"it has a % that is not followed by the code of a character; {_ENCODE} %25"
    place = re.split(r"[/?]", rest, maxsplit=1)[0]
    tail = rest[len(place) :]
    if "@" in tail:
        return f"it has a / or ? before its @; {_ENCODE} %2F or %3F"
    if place.count("@") > 1:
        return f"it has more than one @; {_ENCODE} %40"
    path, _, query = tail.partition("?")
    if "/" in path[1:] or ":" in path:
        return f"it has a : or a second / after its host; {_ENCODE} %3A or %2F"
    account, _, hosts = place.rpartition("@")
    if "[" in account or "]" in account or _is_unreadable(url):
        return f"it has a bracket or another character that must be encoded; {_ENCODE} %5B, %5D"
    return _hosts_fault(hosts) or _query_fault(query)


def _is_unreadable(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return True
    return False


def _hosts_fault(hosts: str) -> str | None:
    for host in hosts.split(","):
        found = _HOST.fullmatch(host)
        if found is None or ":" in (found[2] or ""):
            return "its host is no name or address; write an IPv6 address in brackets"
        if found[2] is not None and not _is_port(found[2]):
            return f"its port is no number from 1 to {_LARGEST_PORT}"
    return None


def _query_fault(query: str) -> str | None:
    for part in query.split("&") if query else ():
        name, found, value = part.partition("=")
        if not found or not re.fullmatch(r"[A-Za-z_.]+", name) or "?" in value:
            return "what follows its ? is not name=value, joined by &"
        if name == "port" and not all(map(_is_port, unquote(value).split(","))):
            return f"its port is no number from 1 to {_LARGEST_PORT}"
    return None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _LARGEST_PORT


def _secrets(url: str) -> list[str]:
    """Return the passwords of a URL, as written and decoded, the longest first."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return [url]
    written = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = {written, unquote(written), *(value for name, value in query if name in _SECRET)}
    # A shorter one is no secret, and would cut words to pieces.
    return sorted((s for s in found if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)
