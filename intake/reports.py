"""Citizens' reports are validated, stripped of personal data, triaged and placed."""

from datetime import UTC, date, datetime

import msgspec

from atlas.city import CityData
from intake.limits import IntakeLimits
from intake.places import locate
from intake.privacy import pseudonym, redact
from intake.triage import is_urgent, triage
from intake.validate import MAX_ID, Carried, Checker, Opened, check_id, check_text, open_message
from schemas import topics, wire
from schemas.errors import PayloadError
from schemas.ids import derive, evidence_of_report
from schemas.inputs import CitizenReport
from schemas.intake import Reporter
from schemas.records import Evidence, Point, Reason
from schemas.words import because

__all__ = ["Reported", "Reports", "names_in"]

_MAX_ADDRESS = 500
_MAX_URL = 2_000


class Reported(msgspec.Struct, frozen=True):
    """What a citizen's report is.

    Attributes
    ----------
    evidence
        Without personal data.
    cause
        The event's id, without personal data.
    reporter
        The contact data to be kept apart under ``evidence.reporter``, if any was given.
    """

    evidence: Evidence
    cause: str
    reporter: Reporter | None


class Reports:
    """Makes evidence of reports; nothing that was reported before decides anything.

    Parameters
    ----------
    city
        Whose names of places, fences and streets.
    limits
        How far a report's place may lie from the city.
    secret
        Of the pseudonyms that stand for ids with personal data.
    """

    def __init__(self, city: CityData, limits: IntakeLimits, secret: bytes) -> None:
        self._city = city
        self._secret = secret
        self._checker = Checker(city, limits)

    @staticmethod
    def open(message: Carried) -> Opened[CitizenReport]:
        """Open a message of ``city.citizen.reports``; raises `BadInput`."""
        return open_message(message, topics.REPORTS, CitizenReport)

    def is_urgent(self, value: bytes, on: date) -> bool:
        """Tell by a quick look whether a report's value seems to speak of danger to life.

        False where it cannot be read: why not is said in its turn.
        """
        try:
            report: CitizenReport = wire.decode(value, CitizenReport)
        except PayloadError:
            return False
        call_type = self._city.codes_of_services.find(report.channel, report.service_code)
        return is_urgent(report, on, call_type)

    def take(self, opened: Opened[CitizenReport], arrived: datetime) -> Reported:
        """Return what a report is.

        Parameters
        ----------
        opened
            The message.
        arrived
            When it arrived, by the broker's clock (aware); it stands for a time of the report's
            that cannot be, and a reason says so.

        Raises
        ------
        BadInput
            A text is too long, or the place is none or not in the city.
        """
        report = _checked(opened.payload)
        observed, doubt = self._checker.time_or_arrival(
            report.requested_datetime, "requested_datetime", arrived
        )
        point = None if report.location is None else self._checker.point(report.location)
        description = redact(report.description, report.contact)
        address = (
            None if report.address_string is None else redact(report.address_string, report.contact)
        )
        judged = triage(
            msgspec.structs.replace(report, description=description),
            observed.astimezone(UTC).date(),
            names=names_in(self._city, description),
            call_type=self._city.codes_of_services.find(report.channel, report.service_code),
        )
        reasons = judged.reasons if doubt is None else (*judged.reasons, doubt)
        if point is None:
            point, how = self._named_place(address, description)
            reasons = (*reasons, how)
        source_id = pseudonym(report.service_request_id, "report", self._secret)
        source = pseudonym(opened.envelope.source, "source", self._secret)
        evidence_id = evidence_of_report(source, source_id)
        reference, reporter = self._reporter(report, evidence_id)
        evidence = Evidence(
            id=evidence_id,
            source="report",
            source_id=source_id,
            phase="opened",
            category=judged.category,
            severity=judged.severity,
            confidence=judged.confidence,
            point=point,
            where=locate(self._city, point, address),
            observed_at=observed,
            received_at=arrived,
            text=description,
            reasons=reasons,
            reporter=reference,
            alternatives=judged.alternatives,
        )
        cause = pseudonym(opened.envelope.id, "event", self._secret)
        return Reported(evidence, cause, reporter)

    def _reporter(
        self, report: CitizenReport, evidence_id: str
    ) -> tuple[str | None, Reporter | None]:
        """Return the reporter's reference, and the contact data to be kept under it."""
        given = report.reporter_ref
        if report.contact is None:
            known = None if given is None else pseudonym(given, "reporter", self._secret)
            return known, None
        reference = derive(evidence_id, "reporter")
        contact = msgspec.to_builtins(report.contact)
        if given:
            contact["reporter_ref"] = given
        return reference, Reporter(ref=reference, contact=contact) if contact else None

    def _named_place(self, address: str | None, description: str) -> tuple[Point | None, Reason]:
        """Look for a place by name: in the address first, then in what was said."""
        for text, source in ((address, "address"), (description, "description")):
            matches = self._city.gazetteer.find(text) if text else []
            if matches:
                best = matches[0]
                metres = round(best.accuracy_m, 1)
                how = because(
                    "place_named",
                    text_source=source,
                    place_kind=best.kind,
                    name=best.name,
                    metres=metres,
                )
                return Point(lon=best.lon, lat=best.lat, accuracy_m=metres), how
        return None, because("no_place_named")


def names_in(city: CityData, description: str) -> list[str]:
    """Return the names of places in a text, as they stand there: they tell nothing of it."""
    matches = city.gazetteer.find(description)
    # Between the two streets of a crossing may stand what happened there.
    spans = [match.span for match in matches if match.kind != "crossing"]
    return [description[start:end] for start, end in spans]


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
            ("media_url", report.media_url, _MAX_URL),
        )
    }
    return msgspec.structs.replace(
        report,
        description=check_text(report.description, "description"),
        channel=check_text(report.channel, "channel", MAX_ID),
        contact=contact,
        **optional,
    )
