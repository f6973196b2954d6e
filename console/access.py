"""Who may ask what: one table of endpoints and roles, and the objects that a role sees."""

from dataclasses import dataclass
from enum import StrEnum

from schemas import codes


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    DEPARTMENT = "department"
    RESPONDER = "responder"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    ADMINISTRATOR = "administrator"


_ALL = frozenset(Role)
_COMMANDERS = frozenset({Role.OPERATOR, Role.SUPERVISOR})
_STAFF = _COMMANDERS | {Role.ADMINISTRATOR}
_SCENE = _STAFF | {Role.DEPARTMENT, Role.RESPONDER}
"""Those who act on incidents: they read the words of citizens, of their own incidents."""
_WATCHERS = _SCENE | {Role.VIEWER}
_KEEPERS = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})

ANYBODY = frozenset[Role]()
"""The row of an endpoint that asks for no sign-in."""

ACCESS: dict[str, frozenset[Role]] = {
    "GET /health": ANYBODY,
    "GET /health/live": ANYBODY,
    "GET /health/ready": ANYBODY,
    "GET /": ANYBODY,
    "GET /incidents/{incident}": ANYBODY,
    "GET /unit": ANYBODY,
    "GET /unit-worker.js": ANYBODY,
    "GET /streets": ANYBODY,
    "GET /handover": ANYBODY,
    "GET /admin": ANYBODY,
    "GET /assets/{name}": ANYBODY,
    "GET /api/v1/openapi.json": ANYBODY,
    "GET /api/v1/docs": ANYBODY,
    "GET /api/v1/docs.css": ANYBODY,
    "POST /api/v1/session": ANYBODY,
    "POST /api/v1/session/link": ANYBODY,
    "GET /api/v1/session/oidc": ANYBODY,
    "GET /api/v1/session/oidc/callback": ANYBODY,
    "GET /api/v1/session/oidc/end": ANYBODY,
    "GET /api/v1/session": _ALL,
    "DELETE /api/v1/session": _ALL,
    "GET /api/v1/incidents": _WATCHERS,
    "GET /api/v1/incidents/{incident}": _WATCHERS,
    "GET /api/v1/incidents/{incident}/timeline": _WATCHERS,
    "GET /api/v1/incidents/{incident}/assignments": _WATCHERS,
    "GET /api/v1/incidents/{incident}/evidence": _SCENE,
    "GET /api/v1/incidents/{incident}/recommendation": _STAFF,
    "GET /api/v1/incidents/{incident}/commands": _STAFF,
    "POST /api/v1/incidents/{incident}/commands": _COMMANDERS,
    "GET /api/v1/commands": _STAFF,
    "GET /api/v1/commands/{command}": _STAFF,
    "GET /api/v1/stream": _ALL,
    "GET /api/v1/units": _ALL,
    "GET /api/v1/units/{unit}": _ALL,
    "GET /api/v1/alerts": _WATCHERS,
    "GET /api/v1/at": _STAFF | {Role.VIEWER},
    "GET /api/v1/conditions": _ALL,
    "GET /api/v1/conditions/{condition}": _ALL,
    "POST /api/v1/conditions": _COMMANDERS,
    "DELETE /api/v1/conditions/{condition}": _COMMANDERS,
    "POST /api/v1/streets": _COMMANDERS,
    "GET /api/v1/handovers": _STAFF,
    "GET /api/v1/handovers/draft": _STAFF,
    "GET /api/v1/handovers/{handover}": _STAFF,
    "POST /api/v1/handovers": _COMMANDERS,
    "POST /api/v1/handovers/{handover}/taken": _COMMANDERS,
    "GET /api/v1/policies": _STAFF | {Role.VIEWER, Role.PLANNER},
    "GET /api/v1/sources": _STAFF | {Role.PLANNER},
    "GET /api/v1/dead-letters/summary": _KEEPERS,
    "GET /api/v1/audit": _KEEPERS,
    "GET /api/v1/accounts": _ADMINISTRATORS,
    "POST /api/v1/accounts": _ADMINISTRATORS,
    "PUT /api/v1/accounts/{account}/role": _ADMINISTRATORS,
    "PUT /api/v1/accounts/{account}/enabled": _ADMINISTRATORS,
    "POST /api/v1/accounts/{account}/password": _ADMINISTRATORS,
    "DELETE /api/v1/accounts/{account}/sessions": _ADMINISTRATORS,
    "POST /api/v1/accounts/{account}/tokens": _ADMINISTRATORS,
    "GET /api/v1/tokens": _ADMINISTRATORS,
    "DELETE /api/v1/tokens/{prefix}": _ADMINISTRATORS,
    "GET /api/v1/status": _KEEPERS,
    "GET /api/v1/dead-letters": _ADMINISTRATORS,
    "POST /api/v1/dead-letters/{letter}/redrive": _ADMINISTRATORS,
    "POST /api/v1/evidence/{evidence}/reveal": _COMMANDERS,
    "GET /api/v1/places": _ALL,
    "GET /api/v1/places/reverse": _ALL,
    "GET /api/v1/fences": _ALL,
    "POST /api/v1/fences": _ADMINISTRATORS,
    "POST /api/v1/fences/dry-run": _ADMINISTRATORS,
    "GET /api/v1/fences/changes": _KEEPERS,
    "GET /api/v1/route": _ALL,
    "GET /api/v1/isochrone": _ALL,
    "GET /api/v1/incidents/{incident}/candidates": _STAFF,
    "POST /api/v1/reading": _STAFF,
    "POST /api/v1/duplicates": _STAFF,
    "POST /api/v1/reports": _COMMANDERS,
    "GET /api/v1/reports/{evidence}": _STAFF,
    "POST /api/v1/units/{unit}/stamps": _COMMANDERS | {Role.RESPONDER},
    "GET /api/v1/units/{unit}/stamps/{stamp}": _COMMANDERS | {Role.RESPONDER},
    "GET /api/v1/plans": _STAFF | {Role.VIEWER, Role.PLANNER},
    "POST /api/v1/policies": _KEEPERS,
    "POST /api/v1/policies/dry-run": _KEEPERS,
    "GET /api/v1/tiles": _ALL,
    "GET /api/v1/tiles/{layer}.json": _ALL,
    "GET /api/v1/tiles/{layer}/{z}/{x}/{y}.mvt": _ALL,
    "GET /api/v1/ogc": _ALL,
    "GET /api/v1/ogc/conformance": _ALL,
    "GET /api/v1/ogc/collections": _ALL,
    "GET /api/v1/ogc/collections/{collection}": _ALL,
    "GET /api/v1/ogc/collections/{collection}/items": _ALL,
    "GET /api/v1/ogc/collections/{collection}/items/{feature}": _ALL,
}
"""Roles that may use an endpoint, by method and path. What has no row is closed to everybody."""

UNATTENDED = frozenset({"GET /api/v1/stream"})
"""What pages ask for by themselves, again and again: it is no use that keeps a session alive."""

LAYERS: dict[str, frozenset[Role]] = {
    "incidents": _WATCHERS,
    "units": _ALL,
    "tracks": _ALL - {Role.VIEWER},
    "conditions": _ALL,
    "fences": _ALL,
    "streets": _ALL,
}
"""Roles that see a layer of the map, as tiles and as features; for others it is not there."""

NARROWER: dict[Role, frozenset[Role]] = {
    role: frozenset({role})
    | (
        frozenset()
        if role in {Role.DEPARTMENT, Role.RESPONDER, Role.PLANNER}
        else frozenset({Role.VIEWER})
    )
    | (frozenset({Role.OPERATOR}) if role is Role.SUPERVISOR else frozenset())
    for role in Role
}
"""Roles that a token of an account may have. None lets in to more than the account's own role:
so a department's or a responder's is its own, since a viewer sees all incidents."""


@dataclass(frozen=True)
class Scope:
    """The objects that somebody sees; None is all of them.

    Attributes
    ----------
    categories
        Of incidents, and of what belongs to them.
    unit
        The only unit seen. Of incidents only those to which it is assigned now.
    department
        Only units of this department.
    reporters
        Whether the pseudonyms of reporters are shown.
    """

    categories: list[str] | None = None
    unit: str | None = None
    department: str | None = None
    reporters: bool = False


@dataclass(frozen=True)
class Person:
    """Who asks: an account through a session or a token.

    Attributes
    ----------
    role
        That of the session or token: never more than the account's.
    """

    name: str
    role: Role
    department: str | None = None
    unit: str | None = None

    def scope(self) -> Scope:
        """Return the objects that this person sees."""
        if self.role is Role.RESPONDER:
            return Scope(unit=self.unit or "")
        if self.role is Role.DEPARTMENT:
            own = self.department or ""
            names = [code for code, row in codes.categories().items() if own in row.departments]
            return Scope(categories=names, department=own)
        return Scope(reporters=self.role in _STAFF)


def scoped(account: str, token: str) -> Role | None:
    """Return the role of a token, None if the account's role no more covers it."""
    role = Role(token)
    return role if role in NARROWER[Role(account)] else None
