"""A change of what a region goes by, put in force: audited, journaled once per key, waited for."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import msgspec

from console.access import Person
from console.calls import until
from console.keys import claimed
from console.problems import Problem
from console.services import Services
from infra.ledger import audit
from infra.ledger.pool import transaction
from schemas import topics
from schemas.envelope import Envelope
from schemas.journal import FenceChanged, PolicyChanged

T = TypeVar("T")


class Audited(NamedTuple):
    """What the audit says of it."""

    action: str
    subject: str
    detail: dict[str, object]


async def journaled(  # noqa: PLR0917 - one act, said in full
    services: Services,
    person: Person,
    key: str,
    given: msgspec.Struct,
    entry: PolicyChanged | FenceChanged,
    said: Audited,
    look: Callable[[], Awaitable[T]],
    is_changed: Callable[[T], bool],
) -> tuple[T, bool]:
    """Send a change to the journal; return what holds then, and whether it is another.

    Parameters
    ----------
    given
        The request's body: another one under the same key is refused.
    entry
        Its id is that of the account and the key.
    look, is_changed
        What holds now, and whether that is not what the change was made from.

    Raises
    ------
    Problem
        The key is in use, or the broker has not confirmed the change and nothing tells of it.
    """
    envelope = Envelope(
        id=entry.id,
        source=f"/jingwei/gateway/{person.name}",
        type=topics.JOURNAL.type,
        time=datetime.now(UTC),
        subject=entry.region,
    )
    digest = hashlib.sha256(msgspec.json.encode((said.action, given))).digest()
    most_s = services.settings.answer_s
    async with claimed(services, person, key, digest, entry.id):
        async with transaction(services.pool) as conn:
            await audit.write(conn, person.name, said.action, said.subject, **said.detail)
        written = await services.desk.send(topics.JOURNAL, entry.region, entry, envelope, most_s)
        await until(look, is_changed, most_s)
    found = await look()
    changed = is_changed(found)
    if not changed and not written:
        raise Problem("no-answer", "the broker has not confirmed it: send the same request again")
    return found, changed
