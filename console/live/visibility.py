"""What somebody sees of the stream: by role as in `console.access`, and by the filters given.

Whoever has the same view gets the same bytes, so a view is what clients are grouped by.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from console.access import ACCESS, Person
from console.live.model import At, IncidentNow, Model, Step, UnitNow, Whole

KINDS = ("incident", "dispatch", "alert", "unit", "fence")
_OF_INCIDENTS = frozenset({"incident", "dispatch", "alert"})
_ITEMS = 50

Told = tuple[str, bytes]
"""An event's name, and its data as JSON."""


@dataclass(frozen=True)
class Filters:
    """What a client asked for; None means any.

    An incident whose place nobody knows passes every ``bbox`` (west, south, east, north).
    """

    kinds: frozenset[str] | None = None
    bbox: tuple[float, float, float, float] | None = None
    categories: frozenset[str] | None = None
    severities: frozenset[str] | None = None


@dataclass(frozen=True)
class View:
    """What somebody sees; None means all.

    Attributes
    ----------
    kinds
        Of the events.
    advice
        Whether recommendations are shown.
    categories
        Of incidents, by role.
    crew
        The only unit seen, and only the incident to which it is assigned.
    department
        Only units of this department.
    """

    kinds: frozenset[str]
    advice: bool
    categories: frozenset[str] | None
    crew: str | None
    department: str | None
    filters: Filters

    @property
    def is_whole(self) -> bool:
        """Whether nothing comes into this view or leaves it."""
        scoped = (self.categories, self.crew, self.department)
        asked = (self.filters.bbox, self.filters.categories, self.filters.severities)
        return scoped == (None, None, None) == asked

    def sees_incident(self, incident: IncidentNow | None) -> bool:
        """Tell whether an incident is seen, as it is; one of which nothing is known by all only."""
        if incident is None:
            return self.is_whole
        wanted = self.filters
        return (
            (self.categories is None or incident.category in self.categories)
            and (self.crew is None or self.crew in incident.units)
            and (wanted.categories is None or incident.category in wanted.categories)
            and (wanted.severities is None or incident.severity in wanted.severities)
            and (incident.point is None or self._is_inside(incident.point))
        )

    def sees_unit(self, unit: UnitNow | None) -> bool:
        """Tell whether a unit is seen where it is."""
        if unit is None:
            return self.is_whole
        return (
            (self.crew is None or unit.id == self.crew)
            and (self.department is None or unit.department == self.department)
            and self._is_inside(unit.position)
        )

    def see(self, step: Step) -> Told | None:
        """Return what is told of a step, None if nothing is."""
        if step.past:
            return self._plain(step)
        if step.kind in ("unit", "fence"):
            return self._of_unit(step)
        before, after = step.incident
        saw = before is not None and self.sees_incident(before)
        if not self.sees_incident(after):
            return self._gone(step, "incident") if saw else None
        if not saw and before is not None and step.whole is not None:
            return self._enter(step)
        return self._plain(step)

    def snapshot(self, model: Model) -> Iterator[tuple[str, list[bytes]]]:
        """Yield all that is seen now, by kind, a few at a time."""
        seen = [key for key in model.bodies if self.sees_incident(model.incidents[key])]
        wholes = [whole for key in seen if (whole := model.whole(key)) is not None]
        units = [
            model.unit_bodies[key] for key, unit in model.units.items() if self.sees_unit(unit)
        ]
        of_kind = {
            "incident": [whole.incident for whole in wholes],
            "dispatch": [body for whole in wholes for body in self._own(whole)],
            "alert": [body for whole in wholes for body in whole.alerts],
            "unit": units,
        }
        for kind, bodies in of_kind.items():
            if kind in self.kinds:
                for at in range(0, len(bodies), _ITEMS):
                    yield kind, bodies[at : at + _ITEMS]

    def _plain(self, step: Step) -> Told | None:
        hidden = (
            step.kind not in self.kinds
            or (step.advice and not self.advice)
            or (self.crew is not None and step.crew not in (None, self.crew))
        )
        return None if hidden else (step.kind, step.data)

    def _of_unit(self, step: Step) -> Told | None:
        before, after = step.unit
        if self.sees_unit(after):
            return self._plain(step)
        if step.kind == "unit" and before is not None and self.sees_unit(before):
            return self._gone(step, "unit")
        return None

    def _gone(self, step: Step, kind: str) -> Told | None:
        told = self.kinds & ({"unit"} if kind == "unit" else _OF_INCIDENTS)
        return ("gone", msgspec.json.encode({"kind": kind, "id": step.subject})) if told else None

    def _enter(self, step: Step) -> Told | None:
        whole, parts = step.whole, []
        assert whole is not None
        if "incident" in self.kinds:
            parts.append(b'"incident":' + whole.incident)
        if "dispatch" in self.kinds:
            parts.append(b'"assignments":[%s]' % b",".join(self._own(whole)))
        if "alert" in self.kinds:
            parts.append(b'"alerts":[%s]' % b",".join(whole.alerts))
        return ("enter", b"{%s}" % b",".join(parts)) if parts else None

    def _own(self, whole: Whole) -> list[bytes]:
        return [body for unit, body in whole.assignments if self.crew in (None, unit)]

    def _is_inside(self, point: At) -> bool:
        if self.filters.bbox is None:
            return True
        west, south, east, north = self.filters.bbox
        return west <= point.lon <= east and south <= point.lat <= north


def view_of(person: Person, filters: Filters) -> View:
    """Return what somebody sees, by the same table that the other endpoints have."""
    kinds = {"unit", "fence"}
    if person.role in ACCESS["GET /api/v1/incidents"]:
        kinds |= _OF_INCIDENTS
    if filters.kinds is not None:
        kinds &= filters.kinds
    scope = person.scope()
    return View(
        kinds=frozenset(kinds),
        advice=person.role in ACCESS["GET /api/v1/incidents/{incident}/recommendation"],
        categories=None if scope.categories is None else frozenset(scope.categories),
        crew=scope.unit,
        department=scope.department,
        filters=filters,
    )
