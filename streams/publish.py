"""What subscribers get of an applied journal entry: effects in, messages out. Pure.

A message's CloudEvents id is derived from the entry and the message's place among its
messages, so that publishing again publishes the same.
"""

from collections.abc import Sequence
from datetime import datetime

from dispatch.published import Output, published, published_units
from infra.ledger.outbox import Message
from schemas import topics, wire
from schemas.effects import Effect
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.outputs import UnitChanged
from schemas.topics import Topic

SOURCE = "jingwei/dispatcher"


def publish(
    entry_id: str, at: datetime, effects: Sequence[Effect], journal: str | None = None
) -> list[Message]:
    """Return the messages for ``city.incidents``, ``dispatches``, ``alerts`` and ``units``.

    Parameters
    ----------
    entry_id
        The journal entry that caused the effects.
    at
        The entry's time.
    journal
        The entry's place, as `Envelope.journal` has it.
    """
    return [message for _, message in outputs(entry_id, at, effects, journal)]


def outputs(
    entry_id: str, at: datetime, effects: Sequence[Effect], journal: str | None = None
) -> list[tuple[Output | UnitChanged, Message]]:
    """Return what `publish` does, each message with what it says."""
    cause = entry_id, at, journal
    found: list[tuple[Output | UnitChanged, Message]] = []
    for number, (topic, incident, output) in enumerate(published(effects)):
        name = derive(entry_id, f"output {number}")
        found.append((output, _message(topic, name, (incident, incident), output, cause)))
    for changed in published_units(effects, at):
        unit = changed.unit
        name = derive(entry_id, f"unit {unit.id}")
        about = unit.id, unit.incident
        found.append((changed, _message(topics.UNITS, name, about, changed, cause)))
    return found


def _message(
    topic: Topic,
    name: str,
    about: tuple[str, str | None],
    output: Output | UnitChanged,
    cause: tuple[str, datetime, str | None],
) -> Message:
    (subject, incident), (entry_id, at, journal) = about, cause
    envelope = Envelope(
        id=name,
        source=SOURCE,
        type=topic.type,
        time=at,
        subject=subject,
        correlation=incident,
        causation=entry_id,
        journal=journal,
    )
    return Message(
        topic=topic.name,
        key=subject.encode(),
        value=wire.encode(output),
        headers=envelope.headers(),
    )
