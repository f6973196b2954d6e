"""The region's core: a state machine without I/O that decides, and says why.

``Region.apply(entry, at) -> effects``. Order and time come from the journal alone; the same
entries give the same effects, byte for byte, on any machine.
"""

from datetime import datetime

from dispatch.assignment import Assigner
from dispatch.commands import Answer, answer, obey
from dispatch.correlation import Correlator, KindPlaceTime
from dispatch.covers import Covers
from dispatch.errors import WrongRegion
from dispatch.fleet import change_fence, take_over_fleet
from dispatch.named import ask_about_named
from dispatch.notice import notice
from dispatch.opinions import take_opinion
from dispatch.preview import differences
from dispatch.sending import Means
from dispatch.settle import settle
from dispatch.stamps import move, stamp
from dispatch.standby import stand_by
from dispatch.state import State
from dispatch.streets import change_street
from dispatch.timers import act_on_due
from dispatch.travel import Routers, Travel
from geo.crs import check_lonlat
from geo.errors import BadCoordinates
from schemas import codes, journal
from schemas.effects import Effect, EvidencePlaced, PolicyWritten
from schemas.records import Evidence, Point, Reason
from schemas.snapshot import Snapshot
from schemas.words import because


class Region:
    """One region's core.

    Parameters
    ----------
    region
        Its id, such as ``310106``.
    routers
        From a city's content hash to a router over its streets; the fleet's entries name
        the city.
    correlator, assigner
        What decides whether evidence belongs to a known incident, and who goes. The policy names
        the assigner where none is given.
    """

    def __init__(
        self,
        region: str,
        routers: Routers,
        *,
        correlator: Correlator | None = None,
        assigner: Assigner | None = None,
    ) -> None:
        self._state = State(Snapshot(region=region), codes.default_policy())
        self._routers = routers
        self._means = Means(Travel(routers), assigner, Covers())
        self._correlator = correlator or KindPlaceTime()

    @classmethod
    def restore(
        cls,
        snapshot: Snapshot,
        routers: Routers,
        *,
        correlator: Correlator | None = None,
        assigner: Assigner | None = None,
    ) -> "Region":
        """Return a core that goes on where the one of the snapshot stood."""
        region = cls(snapshot.region, routers, correlator=correlator, assigner=assigner)
        region._state = State(snapshot, codes.default_policy())
        return region

    @property
    def region(self) -> str:
        """The region's id."""
        return self._state.region

    @property
    def clock(self) -> datetime | None:
        """The journal's time so far."""
        return self._state.clock

    def snapshot(self) -> Snapshot:
        """Return all that this core knows."""
        return self._state.snapshot()

    def next_due(self) -> datetime | None:
        """Return when the earliest timer is due; a tick should stand in the journal then."""
        return self._state.next_due()

    def apply(self, entry: journal.Entry, at: datetime) -> tuple[Effect, ...]:
        """Decide what follows from an entry.

        Parameters
        ----------
        entry
            Of this region's journal, in its order.
        at
            The entry's log-append time (aware). The clock never goes back: an earlier time
            counts as the last one.

        Returns
        -------
        tuple of Effect
            In the order they happened; changed incidents and units last. Empty for an entry
            that was applied before.

        Raises
        ------
        WrongRegion
            The entry is another region's.
        """
        state = self._state
        if entry.region != state.region:
            raise WrongRegion(f"entry {entry.id} is of {entry.region}, this is {state.region}")
        if entry.id in state.seen:
            return ()
        state.begin(entry.id, at)
        act_on_due(state)
        answered = self._decide(entry)
        ask_about_named(state, self._correlator)
        settle(state, self._means)
        stand_by(state, self._means)
        if answered is not None:
            answer(state, answered)
        return state.finish()

    def rehearse(self, entry: journal.Entry, at: datetime) -> tuple[Reason, ...]:
        """Return what an entry would change at a time; nothing is changed here.

        What is due by then anyway acts first, and is no part of it.
        """
        due = self._again(self.snapshot())
        due.apply(journal.Tick(id=f"{entry.id}/tick", region=self.region, due=at), at)
        tried = self._again(due.snapshot())
        tried.apply(entry, at)
        return differences(due._state, tried._state)  # noqa: SLF001 - others of this class

    def _again(self, snapshot: Snapshot) -> "Region":
        """Return a core like this one that goes on from a snapshot, and knows the same ways."""
        again = Region.restore(snapshot, self._routers, correlator=self._correlator)
        again._means = self._means  # noqa: SLF001 - another of this class
        return again

    def _decide(self, entry: journal.Entry) -> Answer | None:  # noqa: C901 - a case a kind
        """Make an entry's own changes and mark what they touch; return what a command is told."""
        state, means = self._state, self._means
        match entry:
            case journal.EvidenceNoted():
                self._notice(entry.evidence)
            case journal.OpinionNoted():
                take_opinion(state, entry.opinion)
            case journal.UnitMoved():
                if _is_on_globe(entry.point):
                    move(state, entry)
            case journal.UnitStamped():
                stamp(state, entry)
            case journal.StreetChanged():
                change_street(state, means, entry)
            case journal.PolicyChanged():
                self._change_policy(entry)
            case journal.FleetChanged():
                take_over_fleet(state, means, entry)
            case journal.FenceChanged():
                change_fence(state, entry)
            case journal.Command():
                return obey(state, means, entry)
            case journal.Tick():
                pass  # a nudge: what is due has acted
        return None

    def _change_policy(self, entry: journal.PolicyChanged) -> None:
        state = self._state
        if entry.instead_of is not None and entry.instead_of != state.policy.version:
            return  # somebody else was first
        state.set_policy(entry.policy)
        state.emit(PolicyWritten(policy=entry.policy, at=state.now))
        state.marks.plans = True
        state.marks.free(None)

    def _notice(self, evidence: Evidence) -> None:
        point = evidence.point
        if point is not None and not _is_on_globe(point):
            reason = because("not_on_globe", place=f"{point.lon}, {point.lat}")
            self._state.emit(
                EvidencePlaced(
                    evidence=evidence.id,
                    incident=None,
                    placed="ignored",
                    score=0.0,
                    reasons=(reason,),
                )
            )
            return
        notice(self._state, self._correlator, evidence)


def _is_on_globe(point: Point) -> bool:
    try:
        check_lonlat(point.lon, point.lat)
    except BadCoordinates:
        return False
    return True
