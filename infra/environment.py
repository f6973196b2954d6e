"""Reading settings from environment variables: one loader for every class of settings.

A variable that cannot be used is named with what is wrong with it. A secret's value is never part
of an error.
"""

import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar, get_args

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsError

from infra.local.errors import InvalidSettings

Group = TypeVar("Group", bound=BaseSettings)

_PREFIX = "JINGWEI_"
_LONGEST = 80


def load(group: type[Group], **given: Any) -> Group:  # noqa: ANN401 - as the fields are
    """Return a class of settings, read from the environment.

    Parameters
    ----------
    group
        The class; its ``env_prefix`` and the names of its fields make the variables.
    given
        Values that are taken instead of variables, by field.

    Raises
    ------
    InvalidSettings
        If a variable has a value that cannot be used; each such variable is named.
    """
    loaded, faults = attempt(group, **given)
    if loaded is None:
        raise InvalidSettings(sentence(faults))
    return loaded


def attempt(group: type[Group], **given: Any) -> tuple[Group | None, list[str]]:  # noqa: ANN401
    """Return what `load` does, or None and what is wrong with each variable.

    pydantic's error holds the values. So it ends here: it becomes neither the cause nor the
    context of ours.
    """
    try:
        return group(**given), []
    except ValidationError as error:
        faults = [_fault(group, found) for found in error.errors(include_url=False)]
    except SettingsError as error:  # a list or table that is not JSON
        named = re.search(r'field "(\w+)"', str(error))
        name = variable(group, named[1]) if named else f"{_env_prefix(group)}*"
        faults = [f'{name}: it is not JSON; write a list as ["a", "b"]']
    return None, faults


def sentence(faults: Iterable[str]) -> str:
    """Return the text of an error that names each variable."""
    return f"settings cannot be used: {'; '.join(faults)}"


def variable(group: type[BaseSettings], field: str) -> str:
    """Return the name of the environment variable of a field."""
    return f"{_env_prefix(group)}{field}".upper()


def unknown_variables(
    groups: Collection[type[BaseSettings]], others: Collection[str] = ()
) -> Iterator[tuple[str, str | None]]:
    """Yield variables of the environment that begin as ours and are no setting.

    Parameters
    ----------
    groups
        All classes of settings.
    others
        Names that are read elsewhere.

    Yields
    ------
    tuple[str, str | None]
        The variable's name, and the name that it resembles most, None if there is none.
    """
    known = sorted(variable(group, field) for group in groups for field in group.model_fields)
    ends = [name.removeprefix(_PREFIX) for name in known]
    for name in sorted(os.environ):
        asked = name.upper()  # pydantic reads names in any case
        if asked.startswith(_PREFIX) and asked not in known and asked not in others:
            near = difflib.get_close_matches(asked.removeprefix(_PREFIX), ends, n=1, cutoff=0.7)
            yield name, _PREFIX + near[0] if near else None


def _fault(group: type[BaseSettings], found: ErrorDetails) -> str:
    """Say what is wrong with a variable, or with several of a group together."""
    text = found["msg"].removeprefix("Value error, ")
    if not found["loc"]:
        return f"{_env_prefix(group)}*: {text}"
    field = str(found["loc"][0])
    name, value = variable(group, field), found["input"]
    if _is_secret(group, field) or not _may_be_shown(value):
        return f"{name}: {text}"
    return f"{name}={value!r}: {text}"


def _is_secret(group: type[BaseSettings], field: str) -> bool:
    known = group.model_fields.get(field)
    return known is None or _holds_secret(known.annotation)


def _holds_secret(kind: object) -> bool:
    return kind is SecretStr or any(map(_holds_secret, get_args(kind)))


def _may_be_shown(value: object) -> bool:
    """Whether a value is short and cannot be an address with a password in it."""
    return "@" not in str(value) and len(str(value)) <= _LONGEST


def _env_prefix(group: type[BaseSettings]) -> str:
    return str(group.model_config.get("env_prefix", ""))
