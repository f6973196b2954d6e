"""Errors of a city."""

from geo.errors import GeoError

__all__ = ["CityError"]


class CityError(GeoError):
    """A city's folder cannot be used or written; the text names the file and what to do.

    The folder is missing, incomplete, of a newer format, or its parts do not fit together.
    """
