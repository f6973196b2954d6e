"""JSON in and out by msgspec, and its shapes for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec
from fastapi import Request
from fastapi.responses import Response

from console.problems import MEDIA, Problem
from schemas.journal import Action

T = TypeVar("T")

_USED: dict[Any, None] = {}
"""The types that endpoints name, in order: `components` describes them."""
_REF = "#/components/schemas/{name}"
_ALWAYS = (401, 403, 429, 503)


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as JSON."""
    return Response(
        msgspec.json.encode(value), status, headers=headers, media_type="application/json"
    )


def raw(data: bytes, status: int = 200) -> Response:
    """Return what is JSON already."""
    return Response(data, status, media_type="application/json")


async def body_of(request: Request, kind: type[T]) -> T:
    """Return a request's body.

    Raises
    ------
    Problem
        415 or 422: it is no JSON, or not of this shape. Values are not repeated.
    """
    media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem("media-type", "give Content-Type: application/json")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("invalid", f"the body cannot be used: {error}") from None


def json_body(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - any type of msgspec
    """Return what the OpenAPI document says of a body."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(kind)}},
        }
    }


def answers(kind: Any, *errors: int, ok: int = 200) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401
    """Return what the OpenAPI document says of an endpoint's answers.

    Parameters
    ----------
    kind
        Type of the body of a success; None has none.
    errors
        Statuses of problems beside those that every endpoint may answer.
    """
    if kind is None:
        found: dict[int | str, dict[str, Any]] = {}
    else:
        content = {"application/json": {"schema": _schema(kind)}}
        found = {ok: {"description": "Success", "content": content}}
    content = {MEDIA: {"schema": {"$ref": _REF.format(name="Problem")}}}
    for status in sorted({*_ALWAYS, 422, *errors}):
        found[status] = {"description": "A problem", "content": content}
    return found


def components() -> dict[str, Any]:
    """Return the shapes that endpoints name, for ``components/schemas``."""
    _, named = msgspec.json.schema_components(list(_USED), ref_template=_REF)
    for kind in get_args(Action):
        if kind.__name__ in named:
            named[kind.__name__]["additionalProperties"] = False  # as `console.commands` has it
    return dict(named) | {"Problem": _PROBLEM}


def _schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    _USED[kind] = None
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return dict(schema)


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; further members depend on the type.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
