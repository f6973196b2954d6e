"""What a region may decide by itself, and with which numbers: data, journaled, versioned.

A change of policy is a journal entry, so that replay decides as was decided then and a
planner can replay history under another policy. A field that is not known here is refused: what
somebody wanted decided otherwise must not be passed over in silence.
"""

import msgspec


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


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a region decides with.

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
        By severity.
    plans
        The first that fits, in order: category and severity, category and ``*``, then
        ``*`` and ``*``.
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
