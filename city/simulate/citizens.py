"""Citizens on the phone and in applications: sends their reports when due."""

from city.simulate.agenda import Agenda
from city.simulate.clock import Clock
from city.simulate.mail import Send, letter
from city.simulate.radio import Radio
from city.simulate.reports import Report
from city.simulate.truth import Sent, TruthLog
from city.simulate.world import Event
from schemas import topics
from schemas.inputs import CitizenReport, Contact, Location

__all__ = ["Citizens"]


class Citizens:
    """All citizens who report."""

    def __init__(
        self, agenda: Agenda, clock: Clock, send: Send, truth: TruthLog, *, radio: Radio
    ) -> None:
        self._agenda, self._clock, self._send, self._truth = agenda, clock, send, truth
        self._radio = radio

    def tell(self, event: Event) -> None:
        """Plan the reports of an event, repeats included."""
        named = None if event.false_alarm else event.id
        for report in event.reports:
            key = self._radio.report_id(report.id)
            first_id = f"{key}-1"
            self._plan(report, key, named, first_id, report.at_s, None)
            for count, again in enumerate(report.again, start=2):
                if again.same_event:
                    self._plan(report, key, named, first_id, again.at_s, "same_event")
                else:
                    self._plan(report, key, named, f"{key}-{count}", again.at_s, "same_id")

    def _plan(  # noqa: PLR0917 - one act, said in full
        self,
        report: Report,
        key: str,
        event: str | None,
        event_id: str,
        at_s: float,
        duplicate: str | None,
    ) -> None:
        def act(now: float) -> None:
            at = self._clock.wall(now)
            self._truth.write(
                Sent(
                    source="report",
                    id=key,
                    event=event,
                    at=at,
                    wrong=report.wrong,
                    duplicate=duplicate,
                    located="words" if report.lon is None else report.crs,
                )
            )
            self._send(
                letter(
                    topics.REPORTS,
                    key,
                    self._message(report, key),
                    event_id=event_id,
                    source=f"urn:city:reports:{report.channel}",
                    at=at,
                    subject=key,
                )
            )

        self._agenda.at(at_s, act)

    def _message(self, report: Report, key: str) -> CitizenReport:
        known = report.name is not None or report.phone is not None
        located = report.lon is not None and report.lat is not None
        return CitizenReport(
            service_request_id=key,
            description=report.description,
            # The citizen's own time: a repeat has the time of the first report.
            requested_datetime=self._clock.wall(report.at_s),
            service_code=report.service_code,
            channel=report.channel,
            location=Location(
                lon=report.lon or 0.0,
                lat=report.lat or 0.0,
                crs=report.crs,
                accuracy_m=report.accuracy_m,
            )
            if located
            else None,
            address_string=report.address_string,
            contact=Contact(name=report.name, phone=report.phone) if known else None,
            reporter_ref=None if known else f"caller-{key}",
        )
