"""Numbers with a decimal point or comma: the whole file has one mark, told by its numbers."""

import math
import re
from typing import Final, Literal

from city.ingest.errors import BadOption, RowFault

__all__ = ["MARKS", "Decimals", "Mark"]

Mark = Literal["dot", "comma"]
MARKS: Final[tuple[Mark, ...]] = ("dot", "comma")

_SPACES = re.compile(r"(?<=\d)['’\u00a0\u202f ](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_THOUSANDS_DOT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")


class Decimals:
    """Learns the decimal mark of a file from the texts of its numbers, and reads them.

    Parameters
    ----------
    told
        The mark that the user names; None to learn it.

    Notes
    -----
    ``1,234`` may be a thousand or one and a bit. It tells nothing, and is read only if other
    numbers of the file, or the user, tell the mark. If only such numbers stand in the file, it is
    refused.
    """

    def __init__(self, told: Mark | None = None) -> None:
        self._told = told
        self._seen: dict[Mark, tuple[int, str]] = {}
        self._unclear: tuple[int, str] | None = None

    def add(self, line: int, value: object) -> None:
        """Look at a value of a field that is a number."""
        if not isinstance(value, str):
            return
        text = _SPACES.sub("", value.strip())
        mark = _mark(text)
        if mark is not None:
            self._seen.setdefault(mark, (line, text))
        elif "," in text and _NUMBER.fullmatch(text):
            self._unclear = self._unclear or (line, text)

    def settle(self) -> None:
        """Check that the file has one mark.

        Raises
        ------
        BadOption
            It has both, or nothing tells which one it has.
        """
        if self._told is not None:
            return
        if len(self._seen) == len(MARKS):
            (one, dot), (other, comma) = self._seen["dot"], self._seen["comma"]
            raise BadOption(
                f"{dot!r} (line {one}) has a decimal point and {comma!r} (line {other}) a decimal "
                "comma: give --decimal dot or comma; rows with the other one are left out"
            )
        if not self._seen and self._unclear is not None:
            line, text = self._unclear
            raise BadOption(
                f"{text!r} (line {line}) may be {text.replace(',', '')} or "
                f"{text.replace(',', '.')}, and no number tells: give --decimal dot or comma"
            )

    @property
    def mark(self) -> Mark:
        """Return the file's decimal mark."""
        return self._told or ("comma" if "comma" in self._seen else "dot")

    def number(self, value: object, field: str) -> float:
        """Return a value as a number.

        Raises
        ------
        RowFault
            It is none, or is not finite.
        """
        if isinstance(value, bool):
            return float(value)
        text = _SPACES.sub("", str(value).strip().casefold())
        if text in {"true", "false"}:
            return float(text == "true")
        if isinstance(value, str):
            text = self._with_point(text, value, field)
        try:
            number = float(text)
        except ValueError:
            raise RowFault(f"{field} is {value!r:.40}, not a number") from None
        if not math.isfinite(number):
            raise RowFault(f"{field} is {number}, not a number")
        return number

    def _with_point(self, text: str, value: str, field: str) -> str:
        if self.mark == "comma":
            single = "," not in text and text.count(".") == 1
            if single and (self._told is None or not _THOUSANDS_DOT.fullmatch(text)):
                raise RowFault(
                    f"{field} is {value!r:.40}, but the file's numbers have a decimal comma: "
                    "give --decimal dot if they have none"
                )
            whole, comma, rest = text.partition(",")
            if "." in whole and not _THOUSANDS_DOT.fullmatch(whole):
                return text
            return whole.replace(".", "") + ("." if comma else "") + rest
        if "," not in text:
            return text
        whole, point, rest = text.partition(".")
        if not _THOUSANDS.fullmatch(whole) or (not point and self._told is None and not self._seen):
            return text
        return whole.replace(",", "") + point + rest


def _mark(text: str) -> Mark | None:
    """Return the mark that a number tells by itself; None if it tells none."""
    if not _NUMBER.fullmatch(text):
        return None
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        last: Mark = "comma" if text.rindex(",") > text.rindex(".") else "dot"
        return last if text.count("," if last == "comma" else ".") == 1 else None
    if commas == 1:
        return None if _THOUSANDS.fullmatch(text) else "comma"
    if dots == 1:
        return None if _THOUSANDS_DOT.fullmatch(text) else "dot"
    if commas:
        return "dot" if _THOUSANDS.fullmatch(text) else None
    return "comma" if dots and _THOUSANDS_DOT.fullmatch(text) else None
