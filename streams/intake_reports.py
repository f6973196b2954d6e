"""Citizens' reports: validated, stripped of personal data, triaged and placed."""

from datetime import UTC

import asyncpg
import msgspec

from dispatch.triage import triage
from geo.city import CityData
from infra.ledger import intake
from infra.ledger.intake import Reporter, Source
from infra.ledger.outbox import Message
from schemas import topics
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.inputs import CitizenReport
from schemas.records import Evidence, Point
from streams.evidence import Found, write_evidence
from streams.limits import IntakeSettings
from streams.messages import Received
from streams.places import locate
from streams.privacy import pseudonym, redact
from streams.sources import Sources
from streams.validate import (
    MAX_ID,
    Checker,
    Now,
    check_id,
    check_text,
    open_message,
    unknown,
)

_MAX_ADDRESS = 500


class ReportsIntake:
    """Handler of ``city.citizen.reports``. It decides by nothing that was before."""

    name = "intake_reports"
    topic = topics.REPORTS
    bulk = False

    def __init__(self, city: CityData, limits: IntakeSettings, now: Now = unknown) -> None:
        self._city = city
        self._region = city.manifest.region
        self._checker = Checker(city, limits, now)
        self.sources = Sources(self.topic.name)
        self._found: dict[str, Found] = {}
        self._reporters: dict[str, Reporter] = {}

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
        envelope, report = open_message(message, self.topic, CitizenReport)
        with self.sources.hearing(message, envelope, report.requested_datetime):
            self._take(message, envelope, report)

    def _take(self, message: Received, envelope: Envelope, report: CitizenReport) -> None:
        received = self._checker.received(message)
        report = _checked(report)
        observed, doubt = self._checker.time_or_arrival(
            report.requested_datetime, "requested_datetime", received
        )
        point = None if report.location is None else self._checker.point(report.location)
        description = redact(report.description, report.contact)
        address = (
            None if report.address_string is None else redact(report.address_string, report.contact)
        )
        judged = triage(
            msgspec.structs.replace(report, description=description),
            observed.astimezone(UTC).date(),
            names=self._names(description),
        )
        reasons = judged.reasons if doubt is None else (*judged.reasons, doubt)
        if point is None:
            point, how = self._named_place(address, description)
            reasons = (*reasons, how)
        evidence_id = derive(f"{envelope.source}\x1f{report.service_request_id}", "evidence")
        reporter = self._reporter(report, evidence_id)
        evidence = Evidence(
            id=evidence_id,
            source="report",
            source_id=pseudonym(report.service_request_id, "report"),
            phase="opened",
            category=judged.category,
            severity=judged.severity,
            confidence=judged.confidence,
            point=point,
            where=locate(self._city, point, address),
            observed_at=observed,
            received_at=received,
            text=description,
            reasons=reasons,
            reporter=reporter,
            alternatives=judged.alternatives,
        )
        source = Source(message.topic, message.partition, message.offset)
        cause = pseudonym(envelope.id, "event")
        self._found.setdefault(evidence.id, (evidence, source, cause))

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write new evidence and the reporters' contact data."""
        await self.sources.write(conn, partition)
        found, self._found = self._found, {}
        reporters, self._reporters = self._reporters, {}
        if reporters:
            await intake.insert_reporters(conn, list(reporters.values()))
        return await write_evidence(conn, self._region, list(found.values()))

    def _names(self, description: str) -> list[str]:
        """Return the names of places in a text, as they stand there: they tell nothing of it."""
        matches = self._city.gazetteer.find(description)
        # Between the two streets of a crossing may stand what happened there.
        spans = [match.span for match in matches if match.kind != "crossing"]
        return [description[start:end] for start, end in spans]

    def _named_place(self, address: str | None, description: str) -> tuple[Point | None, str]:
        """Look for a place by name: in the address first, then in what was said."""
        for text, field in ((address, "address"), (description, "description")):
            matches = self._city.gazetteer.find(text) if text else []
            if matches:
                best = matches[0]
                where = f"{best.kind} {best.name}"
                return (
                    Point(lon=best.lon, lat=best.lat, accuracy_m=round(best.accuracy_m, 1)),
                    f"no coordinates: the {field} names {where}, within {best.accuracy_m:.0f} m",
                )
        return None, "no coordinates, and neither address nor description names a known place"

    def _reporter(self, report: CitizenReport, evidence_id: str) -> str | None:
        """Return the reporter's reference, and remember the contact data to be written."""
        given = report.reporter_ref
        if report.contact is None:
            return None if given is None else pseudonym(given, "reporter")
        reference = derive(evidence_id, "reporter")
        contact = msgspec.to_builtins(report.contact)
        if given:
            contact["reporter_ref"] = given
        if contact:
            self._reporters[reference] = Reporter(ref=reference, contact=contact)
        return reference


def _checked(report: CitizenReport) -> CitizenReport:
    """Return the report with storable texts, or refuse it for their length."""
    check_id(report.service_request_id, "service_request_id")
    contact = report.contact
    if contact is not None:
        contact = msgspec.structs.replace(
            contact,
            **{
                name: None if value is None else check_text(value, f"contact.{name}", MAX_ID)
                for name, value in msgspec.structs.asdict(contact).items()
            },
        )
    optional = {
        name: None if value is None else check_text(value, name, longest)
        for name, value, longest in (
            ("service_code", report.service_code, MAX_ID),
            ("address_string", report.address_string, _MAX_ADDRESS),
            ("reporter_ref", report.reporter_ref, MAX_ID),
            ("media_url", report.media_url, 2_000),
        )
    }
    return msgspec.structs.replace(
        report,
        description=check_text(report.description, "description"),
        channel=check_text(report.channel, "channel", MAX_ID),
        contact=contact,
        **optional,
    )
