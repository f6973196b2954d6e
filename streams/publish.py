"""What subscribers get of an applied journal entry: effects in, messages out. Pure.

A message's CloudEvents id is derived from the entry and the message's place among its
messages, so that publishing again publishes the same.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from infra.ledger.outbox import Message
from schemas import topics, wire
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    Effect,
    IncidentWritten,
    Recommended,
    TimelineAppended,
)
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.outputs import AlertChanged, DispatchChanged, IncidentChanged
from schemas.records import Incident
from schemas.topics import Topic

SOURCE = "jingwei/dispatcher"


def publish(entry_id: str, at: datetime, effects: Sequence[Effect]) -> list[Message]:
    """Return the messages for ``city.incidents``, ``city.dispatches`` and ``city.alerts``.

    Parameters
    ----------
    entry_id
        The journal entry that caused the effects.
    at
        The entry's time.
    """
    return [
        _message(topic, incident, output, (entry_id, number, at))
        for number, (topic, incident, output) in enumerate(_outputs(effects))
    ]


Output = IncidentChanged | DispatchChanged | AlertChanged


def _outputs(effects: Sequence[Effect]) -> Iterator[tuple[Topic, str, Output]]:
    left = _as_left(effects)
    for place, effect in enumerate(effects):
        match effect:
            case TimelineAppended(entry=line):
                changed = IncidentChanged(
                    incident_id=line.incident,
                    seq=line.seq,
                    entry=line,
                    incident=left[place],
                )
                yield topics.INCIDENTS, line.incident, changed
            case Recommended():
                recommended = DispatchChanged(
                    incident_id=effect.incident,
                    change="recommended",
                    at=effect.at,
                    recommendation=effect.recommendation,
                )
                yield topics.DISPATCHES, effect.incident, recommended
            case AssignmentWritten(assignment=assignment):
                assigned = DispatchChanged(
                    incident_id=assignment.incident,
                    change=effect.change,
                    at=effect.at,
                    assignment=assignment,
                )
                yield topics.DISPATCHES, assignment.incident, assigned
            case AlertWritten(alert=alert):
                yield (
                    topics.ALERTS,
                    alert.incident,
                    AlertChanged(incident_id=alert.incident, alert=alert),
                )


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


def _message(
    topic: Topic, incident: str, output: Output, cause: tuple[str, int, datetime]
) -> Message:
    entry_id, number, at = cause
    envelope = Envelope(
        id=derive(entry_id, f"output {number}"),
        source=SOURCE,
        type=topic.type,
        time=at,
        subject=incident,
        correlation=incident,
        causation=entry_id,
    )
    return Message(
        topic=topic.name,
        key=incident.encode(),
        value=wire.encode(output),
        headers=envelope.headers(),
    )
