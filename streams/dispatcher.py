"""The dispatcher: the region's core over its journal, its effects into the ledger.

A core lives in memory as long as the guard stands where the core left it. When it does not, or
when anything fails, the core is thrown away and started again from the ledger.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import asyncpg

from dispatch import Region
from dispatch.published import Output
from dispatch.travel import Routers
from infra.ledger import effects as ledger_effects
from infra.ledger import snapshot
from infra.ledger.effects import Applied
from infra.ledger.outbox import Message
from infra.software import deciding_software
from intake import BadInput, Fault, open_message
from schemas import journal, topics
from schemas.admission import entry_fault
from schemas.outputs import IncidentChanged, UnitChanged
from schemas.snapshot import Snapshot
from streams.departments import tell_departments
from streams.handler import Handler
from streams.messages import Received
from streams.publish import outputs


class Dispatcher(Handler):
    """Handler of ``city.journal``.

    Parameters
    ----------
    regions
        Those this worker can serve, with the partition of their journal; entries of others
        are dead letters.
    routers
        From a city's content hash to a router over its streets.
    """

    name = "dispatcher"
    topic = topics.JOURNAL
    bulk = False
    ahead = True

    def __init__(self, regions: Mapping[str, int], routers: Routers) -> None:
        self._regions = dict(regions)
        self._routers = routers
        self._cores: dict[int, dict[str, Region]] = {}
        self._offsets: dict[str, int] = {}
        self._applied: dict[str, list[Applied]] = {}
        self._outgoing: list[tuple[Output | UnitChanged, Message]] = []
        self._signed: set[str] = set()
        """Regions whose present core has put its name to the journal."""

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Start the cores of the partition's regions afresh from the ledger."""
        cores: dict[str, Region] = {}
        for region in sorted(self._regions):
            if self._regions[region] != partition:
                continue
            known = await snapshot.load_snapshot(conn, region)
            self._offsets[region] = await snapshot.applied_offset(conn, region)
            self._signed.discard(region)
            cores[region] = Region.restore(known or Snapshot(region=region), self._routers)
        self._cores[partition] = cores

    def forget(self, partition: int) -> None:
        """Throw the cores away."""
        self._cores.pop(partition, None)
        self._applied.clear()
        self._outgoing.clear()

    def handle(self, message: Received) -> None:
        """Apply one entry."""
        entry: journal.Entry
        envelope, entry = open_message(message, self.topic, journal.Entry)  # type: ignore[arg-type]
        fault = entry_fault(envelope, entry)
        if fault is not None:
            raise BadInput(Fault.NOT_DECIDABLE, fault)
        core = self._cores[message.partition].get(entry.region)
        if core is None:
            raise BadInput(Fault.REGION, self._misplaced(entry.region, message.partition))
        if message.offset <= self._offsets[entry.region]:
            return  # a new group reads again what the ledger has from another
        effects = core.apply(entry, message.at)
        self._applied.setdefault(entry.region, []).append(
            Applied(
                offset=message.offset,
                entry_id=entry.id,
                entry_kind=str(entry.__struct_config__.tag),
                at=message.at,
                effects=effects,
                partition=message.partition,
                noted=entry.evidence if isinstance(entry, journal.EvidenceNoted) else None,
            )
        )
        place = f"{entry.region}/{message.offset}"
        self._outgoing += outputs(
            entry.id,
            message.at,
            effects,
            place,
            traceparent=envelope.traceparent,
        )

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write the effects, and who is told of them."""
        applied, self._applied = self._applied, {}
        outgoing, self._outgoing = self._outgoing, []
        clocks = {region: self._cores[partition][region].clock for region in applied}
        for region, batch in applied.items():
            if region not in self._signed:
                await ledger_effects.note_decider(
                    conn, region, batch[0].offset, deciding_software()
                )
                self._signed.add(region)
            await ledger_effects.write_applied(conn, region, batch, clocks[region])
        changes = [
            (output, message) for output, message in outgoing if isinstance(output, IncidentChanged)
        ]
        told = await tell_departments(conn, changes)
        return [*(message for _, message in outgoing), *told]

    def _misplaced(self, region: str, partition: int) -> str:
        home = self._regions.get(region)
        if home is None:
            return f"no worker serves the region {region[:60]!r}"
        return (
            f"the journal of region {region} is partition {home}, not {partition}: key its "
            "entries by region, with Kafka's default partitioner"
        )

    def due(self) -> Iterator[tuple[str, datetime]]:
        """Return the earliest timer of each region that has one."""
        for partition in sorted(self._cores):
            for region, core in self._cores[partition].items():
                due = core.next_due()
                if due is not None:
                    yield region, due
