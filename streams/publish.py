"""What subscribers get of an applied journal entry: effects in, messages out. Pure.

A message's CloudEvents id is derived from the entry and the message's place among its
messages, so that publishing again publishes the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from dispatch.published import Output, published, published_units
from infra.ledger.outbox import Message
from schemas import topics, traces, wire
from schemas.effects import Effect
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.outputs import UnitChanged
from schemas.topics import Topic

SOURCE = "jingwei/dispatcher"


class _Cause(NamedTuple):
    """What all messages of an entry have in common."""

    entry: str
    at: datetime
    journal: str | None
    traceparent: str


def publish(
    entry_id: str,
    at: datetime,
    effects: Sequence[Effect],
    journal: str | None = None,
    *,
    traceparent: str | None = None,
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
    traceparent
        The entry's; its messages are of that trace, or of one derived from its id.
    """
    found = outputs(entry_id, at, effects, journal, traceparent=traceparent)
    return [message for _, message in found]


def outputs(
    entry_id: str,
    at: datetime,
    effects: Sequence[Effect],
    journal: str | None = None,
    *,
    traceparent: str | None = None,
) -> list[tuple[Output | UnitChanged, Message]]:
    """Return what `publish` does, each message with what it says."""
    trace = traces.within(traceparent, entry_id, traces.COMMIT)
    cause = _Cause(entry_id, at, journal, trace.header())
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
    cause: _Cause,
) -> Message:
    subject, incident = about
    envelope = Envelope(
        id=name,
        source=SOURCE,
        type=topic.type,
        time=cause.at,
        subject=subject,
        correlation=incident,
        causation=cause.entry,
        traceparent=traces.carried(cause.traceparent, name),
        journal=cause.journal,
    )
    return Message(
        topic=topic.name,
        key=subject.encode(),
        value=wire.encode(output),
        headers=envelope.headers(),
    )
