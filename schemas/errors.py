"""Errors of the room ``schemas``.

::

    SchemaError
    ├── EnvelopeError      a message's headers are not CloudEvents 1.0 binary mode
    ├── PayloadError       a message's value does not have its type's form
    ├── UnsupportedSchema  a message comes from a newer schema than this reader knows
    └── UnknownCode        a code is in none of the tables, or not valid on that day
"""


class SchemaError(ValueError):
    """Base of all errors of this room."""


class EnvelopeError(SchemaError):
    """Headers are missing, of the wrong form, or in another mode than binary."""


class PayloadError(SchemaError):
    """A value cannot be decoded as its type; the text names the field."""


class UnsupportedSchema(SchemaError):
    """A message was written by a newer major version of its schema."""


class UnknownCode(SchemaError):
    """A code is not in its table on the day asked for."""
