"""What a region may decide by itself, and with which numbers: data, journaled, versioned.

A change of policy is a journal entry, so that replay decides as was decided then and a
planner can replay history under another policy. A field that is not known here is refused: what
somebody wanted decided otherwise must not be passed over in silence.
"""

import msgspec

from schemas.kinds import AssignerName


class CorrelationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far apart in space and time two notices of one event may be.

    ``radius_m`` in metres, ``window_s`` in seconds since the incident was last noticed.
    """

    radius_m: float
    window_s: float


class Timers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds until something that should have happened is escalated.

    Attributes
    ----------
    acknowledge_s
        From opening to an operator's acknowledgement.
    turnout_s
        From assignment to en route (NFPA 1710: 80 s fire, 60 s medical).
    late_factor, late_margin_s
        A unit is late when it is not on scene ``eta × late_factor + late_margin_s`` after
        its assignment.
    unresourced_s
        From opening to a complete response.
    """

    acknowledge_s: float
    turnout_s: float
    late_factor: float
    late_margin_s: float
    unresourced_s: float


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``count`` units with ``capability``."""

    capability: str
    count: int


class ResponsePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is sent to a category at a severity; ``*`` stands for any severity."""

    category: str
    severity: str
    requirements: tuple[Requirement, ...]


def _related() -> dict[str, dict[str, float]]:
    return {
        "fire": {"explosion": 0.85, "gas_leak": 0.6, "air_pollution": 0.5},
        "gas_leak": {"explosion": 0.8},
        "chemical_spill": {"gas_leak": 0.7},
        "traffic_crash": {"medical": 0.6, "road_obstruction": 0.8, "chemical_spill": 0.6},
        "storm_damage": {"power_outage": 0.6, "road_obstruction": 0.6},
        "flood": {"pipe_burst": 0.75, "manhole_hazard": 0.5, "road_obstruction": 0.5},
        "crowd_crush": {"public_disorder": 0.6, "medical": 0.5},
        "structure_collapse": {"explosion": 0.7},
    }


class Kinds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well the categories of evidence and incident describe one event.

    Scores, shares and confidences are 0 to 1. The values are estimates, checked against the
    labelled city of ``bench correlation``.

    Attributes
    ----------
    related
        Score of two different categories, named in either order; 0 for pairs that are not here.
    unread_below
        Below this confidence nobody could read what evidence is about.
    unread_score
        Score of what nobody could read, and of ``other``, with anything. Such evidence is also
        given only this share of the benefit of the doubt about its place.
    alternative_share
        The most that a second reading counts.
    naming_confidence
        An incident that is known less surely takes the category of evidence that is at least so
        sure.
    clearly_better
        Evidence joins one of two incidents that an operator keeps apart where its score is so much
        higher.
    compares_named
        Whether an incident that nobody could read is compared with the open ones again when it is
        named later, and an operator asked where it is likely one of them.
    """

    related: dict[str, dict[str, float]] = msgspec.field(default_factory=_related)
    unread_below: float = 0.35
    unread_score: float = 0.6
    alternative_share: float = 0.9
    naming_confidence: float = 0.5
    clearly_better: float = 0.1
    compares_named: bool = False

    def relation(self, one: str, other: str) -> float:
        """Return how well two different categories describe one event."""
        return max(
            self.related.get(one, {}).get(other, 0.0), self.related.get(other, {}).get(one, 0.0)
        )


class Places(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the accuracy of a place means; accuracies are radii in metres, factors 0 to 1.

    Attributes
    ----------
    unknown_accuracy_m
        Taken where nobody told the accuracy: what a phone is good for (GPS.gov: 5 m in the open,
        several times that between houses), and how far a sensor hears.
    most_benefit_m
        Two vague places are given the benefit of the doubt for so many metres and no more.
    vague_m, vague_factor
        Beyond this accuracy of both together the score is multiplied by the factor.
    nowhere_m
        A place vaguer than this, a long road's middle, says as much as none.
    unplaced_factor
        Score of the place where one is unknown: kind and time alone reach the band in which an
        operator is asked.
    refining_factor
        An incident takes the place of evidence that is so many times as accurate (at least 1).
    """

    unknown_accuracy_m: float = 30.0
    most_benefit_m: float = 150.0
    vague_m: float = 100.0
    vague_factor: float = 0.85
    nowhere_m: float = 500.0
    unplaced_factor: float = 0.45
    refining_factor: float = 2.0


def _covers() -> dict[str, tuple[str, ...]]:
    return {
        "explosion": ("fire", "gas_leak", "structure_collapse", "medical"),
        "fire": ("explosion", "gas_leak"),
        "gas_leak": ("chemical_spill",),
        "chemical_spill": ("gas_leak",),
        "structure_collapse": ("medical",),
        "traffic_crash": ("medical",),
        "crowd_crush": ("medical",),
    }


class Life(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which evidence tells of a danger to life: it is never joined to another event unasked.

    Attributes
    ----------
    dangers
        Categories in which somebody may be dying.
    covers
        By an incident's category, the dangers that its response is meant for as well.
    mild_categories, mild_severities, mild_below
        Evidence of such a category and severity is no danger to life below this confidence (0 to
        1): what is read as a crash, unsurely and with nobody hurt, may be something else.
    kindless_severities
        Severities at which a report of category ``other`` tells of a danger to life.
    """

    dangers: tuple[str, ...] = (
        *("fire", "explosion", "gas_leak", "chemical_spill", "structure_collapse", "epidemic"),
        *("medical", "lift_entrapment", "water_rescue", "crowd_crush", "traffic_crash"),
    )
    covers: dict[str, tuple[str, ...]] = msgspec.field(default_factory=_covers)
    mild_categories: tuple[str, ...] = ("traffic_crash",)
    mild_severities: tuple[str, ...] = ("P3", "P4")
    mild_below: float = 0.6
    kindless_severities: tuple[str, ...] = ()


class Unresourced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens while no unit can be found for a requirement.

    Attributes
    ----------
    alert_at_once
        Severities of which an operator is told at once.
    look_again_s
        Seconds after which an incident is looked at again that an operator was told of.
    """

    alert_at_once: tuple[str, ...] = ("P1", "P2")
    look_again_s: float = 60.0


class Opinions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure the second reader must be, 0 to 1, for its opinion of a report to count.

    Its probabilities are calibrated. From ``category`` and ``danger`` on fewer than 1 % of what it
    said were wrong in cross-validation (``docs/triage.md``). None of them sends anybody whom the
    confidence of the evidence would not.

    Attributes
    ----------
    category
        From here on its category names what was unread.
    danger
        From here on its word that life is in danger raises the severity.
    ask
        From here on an operator is asked where it disagrees with the evidence.
    """

    category: float = 0.97
    danger: float = 0.97
    ask: float = 0.85


class StraightLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How travel is estimated where the street map has no answer.

    Attributes
    ----------
    detour
        Metres of road per metre of straight line (1.4 is usual for dense street nets).
    speed_mps
        Metres a second (30 km/h).
    """

    detour: float = 1.4
    speed_mps: float = 30 / 3.6


def _targets_s() -> dict[str, float]:
    return {"P1": 480.0, "P2": 480.0, "P3": 1_200.0, "P4": 3_600.0}


def _weights() -> dict[str, float]:
    return {"P1": 1.0, "P2": 0.5, "P3": 0.4, "P4": 0.2}


def _may_take() -> dict[str, tuple[str, ...]]:
    return {
        "P1": ("P1", "P2", "P3", "P4"),
        "P2": ("P2", "P3", "P4"),
        "P3": ("P3", "P4"),
        "P4": ("P4",),
    }


class Joint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the assigner ``joint`` weighs, and what it may re-assign; see ``docs/dispatch.md``.

    Costs are shares of one P1 that is certainly late. Values without another source are those of
    a trial on the ambulances of Auckland (``docs/dispatch.md``, "Where the numbers come from").

    Attributes
    ----------
    targets_s
        By severity, seconds from opening to arrival. 8, 8 and 20 minutes are those of the JEMSS
        model of Auckland; P4 is an estimate.
    weights
        By severity, what its lateness weighs.
    slope_s
        Seconds: how gently lateness rises around the target.
    response_weight, excess_weight
        What one target of time until arrival costs, and one target of time after the target.
    grown_at
        From its target on the weight of a severity grows to that of the next worse one, which it
        has after so many targets of waiting (above 1). Not in the cost of sending nobody.
    switch_cost
        That a unit under way is exchanged for another one.
    stale_cost
        That a unit's position is older than ``stale_position_s``. An estimate: a minute where
        lateness rises most.
    turnout_s
        Seconds until a unit leaves that stands at its station (NFPA 1710: 60 to 80).
    queue_cost, queue_wait_s
        That nobody is sent costs ``queue_cost`` and 1 more in each ``queue_wait_s`` seconds.
    emptied_factor
        So many times as much where a unit is on its way and nobody takes its place. Not that of
        the trial, 4, under which a P1 with nobody would not get the unit of a P3.
    may_take
        By severity, from incidents of which severities it may take units that are on the way.
    most_displacements
        How many units on their way an incident may lose in all, 0 to 2.
    lock_s
        A unit that is nearer to its scene than so many seconds goes on to it.
    calm_s
        Nor is a unit sent elsewhere twice within so many seconds. An estimate.
    least_gain
        Re-assignments are made only if the total cost falls by so much.
    """

    targets_s: dict[str, float] = msgspec.field(default_factory=_targets_s)
    weights: dict[str, float] = msgspec.field(default_factory=_weights)
    slope_s: float = 60.0
    response_weight: float = 0.1
    excess_weight: float = 0.2
    grown_at: float = 3.0
    switch_cost: float = 0.1
    stale_cost: float = 0.25
    turnout_s: float = 60.0
    queue_cost: float = 50.0
    queue_wait_s: float = 600.0
    emptied_factor: float = 1.2
    may_take: dict[str, tuple[str, ...]] = msgspec.field(default_factory=_may_take)
    most_displacements: int = 2
    lock_s: float = 60.0
    calm_s: float = 90.0
    least_gain: float = 0.02


class DemandCell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many calls of the worst severity a place sends, on average.

    ``lon`` and ``lat`` of its middle, WGS-84 degrees; ``calls_a_day`` above 0.
    """

    lon: float
    lat: float
    calls_a_day: float


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a unit may wait beside its fleet's stations; WGS-84 degrees."""

    station: str
    lon: float
    lat: float


class Coverage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where units of one kind wait for the next call; see ``docs/dispatch.md``.

    Values without another source are those of a trial on the ambulances of Auckland.

    Attributes
    ----------
    cells
        Where calls of the worst severity come from.
    bases
        Where units may wait beside the stations of their kind.
    busy_share
        How probable it is, 0.05 to 0.95, that a unit which is free now is busy when a call comes:
        then the next one is counted on. Less than the share of time that units are busy.
    unserved_cost
        What a call costs when no unit is free, in calls that are certainly late.
    horizon_s
        For so many seconds a unit is expected to wait where it is sent.
    drive_cost, drive_s
        Driving for ``drive_s`` seconds costs as much as ``drive_cost`` calls that are late.
    """

    cells: tuple[DemandCell, ...]
    bases: tuple[Base, ...] = ()
    busy_share: float = 0.2
    unserved_cost: float = 1.3
    horizon_s: float = 2_400.0
    drive_cost: float = 0.05
    drive_s: float = 600.0


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a region decides with.

    What a policy of an older journal does not name has the value by which was decided then: the
    defaults of the fields are never changed. A new value goes into a new policy.

    Attributes
    ----------
    version
        Named in every decision's reasons.
    auto_assign
        Severities whose recommendation is assigned at once.
    auto_assign_confidence
        Below this confidence (0 to 1) a recommendation waits for an operator.
    attach_score, ask_score
        Correlation: from ``attach_score`` evidence joins the incident, from ``ask_score``
        an operator is asked, below it opens an incident of its own.
    ask_hold_s
        How long automatic assignment waits for the operator's answer in the middle band.
    stale_position_s
        A position older than this makes a unit's availability unknown.
    closed_memory_s
        How long a closed incident can be reopened and can take late evidence.
    max_eta_s
        A unit farther away than this is not considered.
    utc_offset_minutes
        The city's offset from UTC, for the day in an incident's number.
    correlation
        Rule by category; ``*`` for all others.
    timers
        By severity. What nobody has read has those of the worst one, if it has none of its own.
    plans
        The first that fits, in order: category and severity, category and ``*``, then
        ``*`` and ``*``.
    kinds, places, life
        Correlation: how categories and places go together, and which dangers are never joined
        unasked.
    unresourced
        What happens while units are missing.
    straight_line
        Travel time where the street map has no answer.
    opinions
        When the second reader's opinion counts.
    travel_factors
        By severity, how many times as long as the router says units need: above 1 where crews drive
        without siren. 1 where a severity is not named.
    assigner
        Who picks units: ``fewest_seconds``, one incident after the other, or ``joint``, all
        incidents together, units under way included.
    joint
        How ``joint`` does it.
    coverage
        By kind of unit, where those wait that have become free. Of a kind that is not named, at
        their stations.
    """

    version: str
    auto_assign: tuple[str, ...]
    auto_assign_confidence: float
    attach_score: float
    ask_score: float
    ask_hold_s: float
    stale_position_s: float
    closed_memory_s: float
    max_eta_s: float
    correlation: dict[str, CorrelationRule]
    timers: dict[str, Timers]
    plans: tuple[ResponsePlan, ...]
    utc_offset_minutes: int = 480
    kinds: Kinds = msgspec.field(default_factory=Kinds)
    places: Places = Places()
    life: Life = msgspec.field(default_factory=Life)
    unresourced: Unresourced = Unresourced()
    straight_line: StraightLine = StraightLine()
    opinions: Opinions = Opinions()
    travel_factors: dict[str, float] = msgspec.field(default_factory=dict)
    assigner: AssignerName = "fewest_seconds"
    joint: Joint = msgspec.field(default_factory=Joint)
    coverage: dict[str, Coverage] = msgspec.field(default_factory=dict)
