"""What subscribers hear of an applied entry: effects in, messages of the output topics out."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from schemas import outputs, topics
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    Effect,
    IncidentWritten,
    Recommended,
    TimelineAppended,
    UnitWritten,
)
from schemas.outputs import AlertChanged, DispatchChanged, IncidentChanged, UnitChanged
from schemas.records import Incident
from schemas.topics import Topic

Output = IncidentChanged | DispatchChanged | AlertChanged


def published(effects: Sequence[Effect]) -> Iterator[tuple[Topic, str, Output]]:
    """Yield topic, incident and message for each change that subscribers hear of, in order."""
    left = _as_left(effects)
    for place, effect in enumerate(effects):
        match effect:
            case TimelineAppended(entry=line):
                changed = IncidentChanged(
                    incident_id=line.incident,
                    seq=line.seq,
                    entry=outputs.timeline_entry(line),
                    incident=outputs.incident(left[place]),
                )
                yield topics.INCIDENTS, line.incident, changed
            case Recommended():
                recommended = DispatchChanged(
                    incident_id=effect.incident,
                    change="recommended",
                    at=effect.at,
                    recommendation=outputs.recommendation(effect.recommendation),
                )
                yield topics.DISPATCHES, effect.incident, recommended
            case AssignmentWritten(assignment=assignment):
                assigned = DispatchChanged(
                    incident_id=assignment.incident,
                    change=effect.change,
                    at=effect.at,
                    assignment=outputs.assignment(assignment),
                )
                yield topics.DISPATCHES, assignment.incident, assigned
            case AlertWritten(alert=alert):
                yield (
                    topics.ALERTS,
                    alert.incident,
                    AlertChanged(incident_id=alert.incident, alert=outputs.alert(alert)),
                )


def published_units(effects: Sequence[Effect], at: datetime) -> Iterator[UnitChanged]:
    """Yield the units that an entry of this time has changed, each as it is after it."""
    written = {effect.unit.id: effect.unit for effect in effects if isinstance(effect, UnitWritten)}
    for unit in written.values():
        yield UnitChanged(unit=outputs.unit(unit), at=at)


def _as_left(effects: Sequence[Effect]) -> dict[int, Incident]:
    """Return the incident as each line of its timeline left it, by the line's place.

    That is how it is written next: right after the line, or, by software that wrote each
    incident once, at the end of the entry.
    """
    written: dict[str, Incident] = {}
    left: dict[int, Incident] = {}
    for place in reversed(range(len(effects))):
        match effects[place]:
            case IncidentWritten(incident=incident):
                written[incident.id] = incident
            case TimelineAppended(entry=line):
                left[place] = written[line.incident]
    return left
