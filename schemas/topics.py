"""The topic table: one source for declarations, AsyncAPI, archive and the docs.

Times a message is kept are in ``retention_ms``; partitions are what one city needs and may
be raised before a topic is first made, never after (keys would move).
"""

from typing import Any

import msgspec

from schemas import inputs, journal, outputs

_DAY = 86_400_000
LOG_APPEND_TIME = "LogAppendTime"
"""The broker's clock: when a message came, whatever its producer's clock says."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic.

    Attributes
    ----------
    type
        CloudEvents type of its messages.
    message
        The msgspec type (or union) of its values.
    role
        ``input`` (outside producers), ``journal`` or ``output``.
    timestamp
        Whose clock a message's Kafka timestamp is: the producer's (``CreateTime``) or the
        broker's (``LogAppendTime``). Where decisions hang on it, it is the broker's.
    restricted
        Carries personal data: access by role only, never to departments.
    """

    name: str
    key: str
    about: str
    type: str
    message: Any
    role: str
    partitions: int = 12
    cleanup: str = "delete"
    retention_ms: int = 30 * _DAY
    timestamp: str = "CreateTime"
    restricted: bool = False

    def config(self) -> dict[str, str]:
        """Return the topic's Kafka configuration."""
        config = {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": self.timestamp,
            "max.message.bytes": "1048576",
        }
        if self.cleanup == "delete":
            config["retention.ms"] = str(self.retention_ms)
        return config


READINGS = Topic(
    name="city.sensor.readings",
    key="sensor id",
    about="one observation of one sensor (SensorThings)",
    type="city.jingwei.sensor.reading.v1",
    message=inputs.SensorReading,
    role="input",
    timestamp=LOG_APPEND_TIME,
    retention_ms=_DAY,
)
REPORTS = Topic(
    name="city.citizen.reports",
    key="report id",
    about="a citizen's report, shaped as an Open311 service request",
    type="city.jingwei.citizen.report.v1",
    message=inputs.CitizenReport,
    role="input",
    timestamp=LOG_APPEND_TIME,
    retention_ms=7 * _DAY,
    restricted=True,
)
POSITIONS = Topic(
    name="city.unit.positions",
    key="unit id",
    about="a responder's GPS fix",
    type="city.jingwei.unit.position.v1",
    message=inputs.UnitPosition,
    role="input",
    timestamp=LOG_APPEND_TIME,
    retention_ms=_DAY,
)
UNIT_STATUS = Topic(
    name="city.unit.status",
    key="unit id",
    about="a status stamp of a responder",
    type="city.jingwei.unit.status.v1",
    message=inputs.UnitStatus,
    role="input",
    timestamp=LOG_APPEND_TIME,
    cleanup="compact",
)
STREETS = Topic(
    name="city.street.conditions",
    key="condition id",
    about="a closure, slow-down or flooding of streets, with its validity",
    type="city.jingwei.street.condition.v1",
    message=inputs.StreetCondition,
    role="input",
    timestamp=LOG_APPEND_TIME,
    partitions=1,
    cleanup="compact",
)
JOURNAL = Topic(
    name="city.journal",
    key="region",
    about="everything a region's decisions depend on, in order",
    type="city.jingwei.journal.entry.v1",
    message=journal.Entry,
    role="journal",
    timestamp=LOG_APPEND_TIME,
    restricted=True,
)
INCIDENTS = Topic(
    name="city.incidents",
    key="incident id",
    about="every change of an incident, with its sequence number",
    type="city.jingwei.incident.changed.v1",
    message=outputs.IncidentChanged,
    role="output",
)
DISPATCHES = Topic(
    name="city.dispatches",
    key="incident id",
    about="recommended, assigned, rerouted, stamped, cancelled, completed, with reasons",
    type="city.jingwei.dispatch.changed.v1",
    message=outputs.DispatchChanged,
    role="output",
)
ALERTS = Topic(
    name="city.alerts",
    key="incident id",
    about="what an operator must act on",
    type="city.jingwei.alert.changed.v1",
    message=outputs.AlertChanged,
    role="output",
    retention_ms=7 * _DAY,
)
FENCE_EVENTS = Topic(
    name="city.fence.events",
    key="unit id",
    about="a responder enters, leaves, crosses or dwells in a fence of the city",
    type="city.jingwei.fence.event.v1",
    message=outputs.FenceEvent,
    role="output",
    retention_ms=7 * _DAY,
)
UNITS = Topic(
    name="city.units",
    key="unit id",
    about="a unit as it is now: state, assignment, position at most once a second",
    type="city.jingwei.unit.changed.v1",
    message=outputs.UnitChanged,
    role="output",
    retention_ms=_DAY,
)

INPUTS = (READINGS, REPORTS, POSITIONS, UNIT_STATUS, STREETS)
OUTPUTS = (INCIDENTS, DISPATCHES, ALERTS, FENCE_EVENTS, UNITS)
CITY = (*INPUTS, JOURNAL, *OUTPUTS)


def department(code: str) -> Topic:
    """Return the feed of the department with this code, ``dept.<code>``."""
    return Topic(
        name=f"dept.{code}",
        key="incident id",
        about=f"incidents that concern the department {code}",
        type=INCIDENTS.type,
        message=outputs.IncidentChanged,
        role="output",
        partitions=3,
    )


def dead_letters(topic: Topic) -> Topic:
    """Return the dead-letter topic ``dlq.<topic>``: original bytes, reasons in headers."""
    return Topic(
        name=f"dlq.{topic.name}",
        key="original key",
        about=f"messages of {topic.name} that could not be used, as they came",
        type=topic.type,
        message=None,
        role="output",
        partitions=3,
        restricted=True,
    )


def all_topics(departments: tuple[str, ...]) -> tuple[Topic, ...]:
    """Return every topic of a city with these departments, dead letters included."""
    return (
        *CITY,
        *(department(code) for code in departments),
        *(dead_letters(topic) for topic in (*INPUTS, JOURNAL, INCIDENTS)),
    )
