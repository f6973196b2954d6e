"""Well-formed messages, without a broker."""

from datetime import UTC, datetime

from city.simulate.mail import Mail, letter
from schemas.topics import Topic

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


def sent(topic: Topic, payload: object, name: str = "e1", source: str = "test") -> Mail:
    """Return a message named by its source and id."""
    return letter(topic, "k", payload, event_id=name, source=source, at=AT)
