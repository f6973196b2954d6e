"""W3C trace context: which trace a message belongs to, and where in it it stands.

A message's ``ce_traceparent`` names the span of its sending. All ids are derived: the trace's from
the first message that came without one, a span's from the id of what it is about. So what is
processed again says the same, and each process knows the parents of its spans from the headers
alone. Nothing is decided by a trace.
"""

import re
from hashlib import sha1
from typing import NamedTuple

# A later version may append fields; version ff is forbidden.
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED = 1

INTAKE = "intake"
WAIT = "wait"
DECISION = "decision"
COMMIT = "commit"
PUBLISH = "publish"
"""Kinds of spans, of which their ids are derived."""


class Context(NamedTuple):
    """A span in a trace: 32 and 16 hexadecimal digits, and whether it is to be recorded."""

    trace: str
    span: str
    sampled: bool

    def header(self) -> str:
        """Return it as ``traceparent``."""
        return f"00-{self.trace}-{self.span}-0{int(self.sampled)}"


def read(header: str | None) -> Context | None:
    """Return the span that a ``traceparent`` names; None if there is none or it is not one.

    Examples
    --------
    >>> read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").sampled
    True
    >>> read("00-00000000000000000000000000000000-00f067aa0ba902b7-01")
    """
    if header is None:
        return None
    found = _FORM.fullmatch(header)
    if found is None or (found[1] == "00" and len(header) != len("00--") + 32 + 16 + 3):
        return None
    trace, span = found[2], found[3]
    if not trace.strip("0") or not span.strip("0"):
        return None
    return Context(trace, span, bool(int(found[4], 16) & _SAMPLED))


def span_of(name: str, kind: str) -> str:
    """Return the id of a span: 16 hexadecimal digits.

    Parameters
    ----------
    name
        Id of the message or entry that it is about.
    kind
        One of this module's.
    """
    return sha1(f"span\x1f{kind}\x1f{name}".encode(), usedforsecurity=False).hexdigest()[:16]


def within(cause: str | None, name: str, kind: str) -> Context:
    """Return a span in the trace of its cause, or in a trace of its own.

    Parameters
    ----------
    cause
        ``traceparent`` of what it comes of; without one the trace is derived from ``name``.
    name, kind
        As for `span_of`.
    """
    before = read(cause)
    span = span_of(name, kind)
    if before is None:
        digest = sha1(f"trace\x1f{name}".encode(), usedforsecurity=False).hexdigest()
        return Context(digest[:32], span, sampled=True)
    return Context(before.trace, span, before.sampled)


def carried(cause: str | None, name: str) -> str:
    """Return the ``traceparent`` of a message with the id ``name``."""
    return within(cause, name, PUBLISH).header()
