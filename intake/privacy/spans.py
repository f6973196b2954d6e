"""A piece of personal data in a text."""

from typing import NamedTuple


class Span(NamedTuple):
    """Where it begins and ends, and what it is: the word that takes its place in brackets."""

    start: int
    end: int
    kind: str
