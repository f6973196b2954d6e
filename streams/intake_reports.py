"""Citizens' reports: made evidence, and their reporters' contact data kept apart."""

from datetime import datetime, timedelta

import asyncpg

from atlas.city import CityData
from infra.ledger.intake import Source
from infra.ledger.outbox import Message
from infra.ledger.reporters import insert_reporters
from infra.vault import Vault
from intake import Reports
from schemas import topics
from schemas.intake import Reporter
from streams.arrivals import Now, arrival, unknown
from streams.evidence import Found, write_evidence
from streams.handler import Handler
from streams.limits import IntakeSettings, limits_of
from streams.messages import EPOCH, Received, Record
from streams.sources import Sources


class ReportsIntake(Handler):
    """Handler of ``city.citizen.reports``. It decides by nothing that was before."""

    name = "intake_reports"
    topic = topics.REPORTS
    bulk = False
    hurries = True
    portion = 50

    def __init__(
        self, city: CityData, settings: IntakeSettings, vault: Vault, now: Now = unknown
    ) -> None:
        self._region = city.manifest.region
        self._settings = settings
        self._reports = Reports(city, limits_of(settings), vault.pseudonyms)
        self._vault = vault
        self._now = now
        self.sources = Sources(self.topic.name)
        self._found: dict[str, Found] = {}
        self._reporters: dict[str, Reporter] = {}

    def move_to(self, city: CityData) -> None:
        """Say by the changed fences where reports lie."""
        self._reports = Reports(city, limits_of(self._settings), self._vault.pseudonyms)

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what is known of the sources' clocks."""
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written, of all partitions."""
        self.sources.forget(partition)
        self._found.clear()
        self._reporters.clear()

    def handle(self, message: Received) -> None:
        """Take in one report."""
        opened = self._reports.open(message)
        envelope, report = opened
        with self.sources.hearing(message, envelope, report.requested_datetime):
            found = self._reports.take(opened, arrival(message, self._now))
        if found.reporter is not None:
            self._reporters[found.reporter.ref] = found.reporter
        source = Source(message.topic, message.partition, message.offset)
        self._found.setdefault(
            found.evidence.id, Found(found.evidence, source, found.cause, envelope)
        )

    def is_urgent(self, record: Record) -> bool:
        """Tell whether a report seems to speak of danger to life."""
        came = EPOCH + timedelta(milliseconds=max(record.timestamp or 0, 0))
        return self._reports.is_urgent(record.value or b"", came.date())

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write new evidence and the reporters' contact data."""
        await self.sources.write(conn, partition)
        found, self._found = self._found, {}
        reporters, self._reporters = self._reporters, {}
        if reporters:
            sealed = [self._vault.seal(one.ref, one.contact) for one in reporters.values()]
            await insert_reporters(conn, sealed)
        return await write_evidence(conn, self._region, list(found.values()))

    def is_due(self, partition: int, now: datetime | None) -> bool:  # noqa: ARG002 - at any time
        """Whether a source's clock is to be written."""
        return self.sources.is_due(partition)
