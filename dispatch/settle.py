"""What an entry has touched is settled once, when its own changes are done.

In this order: the ways of units under way, then who goes to which incident (the assigner is
asked once, for all of them together), then merges, then who is not needed twice, and last whether
an incident that was not looked at is to be looked at later.
"""

from collections.abc import Iterable, Sequence

import msgspec

from dispatch.assignment import Demand, Move
from dispatch.demand import demand_of, lacking, too_many
from dispatch.incidents import follow_units
from dispatch.lifecycle import FINAL, NO_RESPONSE
from dispatch.looks import Look, go_on_later, is_turn_of, look
from dispatch.marks import Confirmation, Marks, Merging
from dispatch.plans import asked_for, describe
from dispatch.question import Question, check
from dispatch.sending import Means, assign, divert, reroute
from dispatch.shortage import needs, note_resourced, note_short, pend
from dispatch.state import State
from dispatch.under_way import NOBODY, UnderWay, under_way
from dispatch.unread import is_unread
from schemas import codes
from schemas.effects import Recommended
from schemas.kinds import AlertKind
from schemas.records import Incident, Recommendation, Shortage
from schemas.words import because, lacks


def settle(state: State, means: Means) -> None:
    """Settle everything that is marked; nothing is marked afterwards."""
    marks = state.take_marks()
    if not marks.any():
        return
    if marks.plans:
        _note_new_gaps(state)
    _find_ways(state, means, marks)
    looks = _looks(state, marks)
    found = (incident for one in looks for incident in one.found)
    touched = _in_order(state, [*marks.incidents, *found, *state.asked_about(marks.taken)])
    demands = [demand for i in touched if (demand := _demand(state, i, marks)) is not None]
    waiting = {one.incident: one for one in demands if not _is_turn(state, one, marks, looks)}
    served = [one for one in demands if one.incident not in waiting]
    coming = NOBODY
    # A merge calls nobody back, and can be undone exactly: whoever is on his way goes on meanwhile.
    if means.picks(state.policy).reassigns and not marks.surplus:
        coming = under_way(state, served, marks, left={*waiting, *marks.confirmed})
    _serve(state, means, served, marks, coming)
    for demand in waiting.values():
        _wait(state, demand)
    _ask_again(state, means)
    for merging in marks.mergings:
        _put_merger(state, merging)
    for incident in marks.surplus:
        _tell_surplus(state, incident)
    for one in looks:
        go_on_later(state, one)
    state.take_marks()


def propose(state: State, means: Means, demand: Demand) -> Move:
    """Return what the assigner would do about one demand; nothing changes."""
    (move,) = _ask(state, means, [demand])
    return move


def _note_new_gaps(state: State) -> None:
    """Note what open incidents lack by plans that are new, so that it is looked for, or no more."""
    for incident_id in state.open_incidents():
        incident = state.incidents[incident_id]
        if incident.state in NO_RESPONSE or is_unread(incident):
            continue
        lacks = lacking(state, incident)
        if not lacks:
            note_resourced(state, incident_id)
        known = {(one.capability, one.count): one for one in incident.short}
        short = tuple(
            known.get((r.capability, r.count))
            or Shortage(capability=r.capability, count=r.count, why=because("plan_changed"))
            for r in lacks
        )
        if short and needs(short) != needs(incident.short):
            note_short(state, incident_id, short)


def _find_ways(state: State, means: Means, marks: Marks) -> None:
    """Find ways again: of all units where streets have changed, else of those that are marked."""
    every = tuple(marks.streets)
    under_way = {unit.incident for unit in state.units.values() if unit.incident} if every else ()
    for incident in sorted({*marks.ways, *under_way}):
        reroute(state, means, incident, (*marks.ways.get(incident, ()), *every))


def _looks(state: State, marks: Marks) -> list[Look]:
    """Return the looks for work: for the units that became free, and those to be gone on with."""
    if marks.freed is None:
        # From the worst one on, so whatever was to be gone on with is looked at by it, too.
        return [look(state, None, None)]
    first = [look(state, marks.freed, None)] if marks.freed else []
    return first + [look(state, None, behind) for behind in marks.behind]


def _in_order(state: State, incidents: Iterable[str]) -> list[str]:
    """Return incidents once each: the worst first, then the oldest, then by id."""

    def key(incident: str) -> tuple[object, ...]:
        record = state.incidents[incident]
        return codes.severity(record.severity).rank, record.opened_at, incident

    return sorted(dict.fromkeys(i for i in incidents if i in state.incidents), key=key)


def _demand(state: State, incident_id: str, marks: Marks) -> Demand | None:
    """Return what an incident demands, or say that it demands nothing, or that it has no place."""
    incident = state.incidents[incident_id]
    confirmed = incident_id in marks.confirmed
    if _is_to_be_read(state, incident):
        return None
    if state.has_alert(incident_id, "surplus") and not too_many(state, incident):
        state.end_alerts(incident_id, because("none_too_many"), "surplus")
    if incident.state in NO_RESPONSE and not confirmed:
        return None
    demand = demand_of(state, incident, confirmed=confirmed)
    if demand is None and not lacking(state, incident):
        note_resourced(state, incident_id)
    elif demand is None:
        state.raise_alert(incident_id, "unlocated", because("where_is", number=incident.number))
        pend(state, incident_id)
    return demand


def _is_to_be_read(state: State, incident: Incident) -> bool:
    """Ask an operator to read what nobody has read, and for nothing else; tell whether to wait."""
    waits = is_unread(incident) and incident.state not in FINAL
    if waits:
        told = because("read_report", number=incident.number)
        state.raise_alert(incident.id, "unread", told)
        _forget_response(state, incident)
        pend(state, incident.id)
    elif state.has_alert(incident.id, "unread"):
        state.end_alerts(incident.id, because("was_read"), "unread")
    return waits


def _forget_response(state: State, incident: Incident) -> None:
    """Forget what an incident was short of before what had been read of it was taken away."""
    if incident.short or incident.resourced_at is not None:
        state.change_incident(incident.id, short=(), resourced_at=None)
    state.end_timer("unresourced", incident.id)
    asked: tuple[AlertKind, ...] = ("confirm_dispatch", "unresourced", "unlocated", "surplus")
    state.end_alerts(incident.id, because("nothing_read"), *asked)


def _is_turn(state: State, demand: Demand, marks: Marks, looks: Iterable[Look]) -> bool:
    return demand.incident in marks.confirmed or is_turn_of(state, demand, looks)


def _wait(state: State, demand: Demand) -> None:
    """Let an incident be short until the look that goes on has come to those before it."""
    why = because("worse_ones_first")
    lacks = ((r.capability, r.count) for r in demand.requirements)
    short = tuple(Shortage(capability=name, count=count, why=why) for name, count in lacks)
    note_short(state, demand.incident, short)


def _serve(
    state: State, means: Means, demands: list[Demand], marks: Marks, coming: UnderWay = NOBODY
) -> None:
    moves = {move.incident: move for move in _ask(state, means, demands, coming)}
    # Everybody leaves before anybody is sent: a chain is one decision, whoever is in it.
    for leaving in moves.values():
        _let_go(state, leaving)
    for demand in _in_turn(demands, coming.others):
        move = moves.get(demand.incident)
        if move is not None:
            confirmed = marks.confirmed.get(demand.incident)
            _apply(state, means, _with_given(state, demand, move), move, confirmed)


def _in_turn(demands: list[Demand], others: Iterable[Demand]) -> list[Demand]:
    return sorted([*demands, *others], key=lambda one: (one.rank, one.opened_at, one.incident))


def _let_go(state: State, move: Move) -> None:
    active = {assignment.unit: assignment for assignment in state.assignments_of(move.incident)}
    for one in move.gives:
        to = None if one.to is None else state.incidents[one.to]
        divert(state, active[one.unit], to, one.reasons)


def _with_given(state: State, demand: Demand, move: Move) -> Demand:
    """Return a demand with what the units were sent for that have left."""
    if not move.gives:
        return demand
    return demand._replace(requirements=lacking(state, state.incidents[demand.incident]))


def _ask_again(state: State, means: Means) -> None:
    """Recommend others where units were recommended that have just been sent elsewhere.

    Nobody is sent by it, so that there is no third time.
    """
    marks = Marks()
    touched = _in_order(state, state.asked_about(state.marks.taken))
    demands = [demand for i in touched if (demand := _demand(state, i, marks)) is not None]
    _serve(state, means, [demand for demand in demands if demand.waits is not None], marks)


def _ask(
    state: State, means: Means, demands: list[Demand], coming: UnderWay = NOBODY
) -> Sequence[Move]:
    """Ask the assigner about all demands together."""
    if not demands and not coming.held:
        return ()
    question = Question(state, means.travel, demands, coming)
    moves = means.picks(state.policy).moves(question.view)
    check(question.view, moves)
    return [question.with_remark(move) for move in moves]


def _apply(
    state: State, means: Means, demand: Demand, move: Move, confirmed: Confirmation | None
) -> None:
    """Carry a move out, or ask an operator to confirm it."""
    incident = state.incidents[demand.incident]
    if move.chosen or needs(move.short) != needs(incident.short):
        _record(state, demand, move)
    if move.chosen and demand.waits is None:
        by, reason = confirmed or Confirmation("policy", "")
        state.end_alerts(incident.id, because("units_sent"), "confirm_dispatch")
        for one in move.chosen:
            assign(state, means, incident.id, one.unit, one.capability, by, reason)
    elif move.chosen and demand.waits is not None:
        units = ", ".join(one.unit for one in move.chosen)
        told = because("send_or_not", units=units, why=demand.waits)
        state.raise_alert(incident.id, "confirm_dispatch", told)
    else:
        state.end_alerts(incident.id, because("nobody_to_send"), "confirm_dispatch")
    note_short(state, incident.id, move.short)
    if move.gives and not move.chosen:
        follow_units(state, incident.id, "policy")
    if demand.waits is None and not move.short:
        note_resourced(state, incident.id)


def _record(state: State, demand: Demand, move: Move) -> None:
    incident = state.incidents[demand.incident]
    asks = describe(demand.requirements)
    requirements = asked_for(demand.requirements)
    plan = because("plan_asks", plans=_plans(incident), requirements=requirements)
    recommendation = Recommendation(
        policy=state.policy.version,
        requirements=asks,
        candidates=move.candidates,
        short=move.short,
        reasons=(plan, *move.reasons),
    )
    state.emit(Recommended(incident=incident.id, at=state.now, recommendation=recommendation))
    chosen = tuple(because("unit_because", unit=c.unit, why=c.reasons) for c in move.chosen)
    told = because("send", units=chosen) if chosen else because("nobody_to_send")
    short = tuple(because("short_line", short=line) for line in lacks(move.short))
    reasons = (*recommendation.reasons, *short)
    state.append(incident.id, "recommended", "policy", told, reasons)


def _plans(incident: Incident) -> str:
    plans = [f"{incident.category} {incident.severity}"]
    plans += [f"{plan.category} {plan.severity}" for plan in incident.plans]
    return " and ".join(plans)


def _put_merger(state: State, merging: Merging) -> None:
    """Remember what a merge did, now that its consequences are settled."""
    merger = merging.merger
    sent = [a.id for a in state.assignments_of(merger.into) if a.id not in merging.before]
    state.put_merger(
        msgspec.structs.replace(merger, after=state.incidents[merger.into], sent=tuple(sent))
    )


def _tell_surplus(state: State, incident: str) -> None:
    """Show the operator who is not needed twice."""
    record = state.incidents[incident]
    units = [assignment.unit for assignment in too_many(state, record)]
    if units:
        told = because("too_many_units", number=record.number, units=", ".join(units))
        state.raise_alert(incident, "surplus", told)
    else:
        state.end_alerts(incident, because("none_too_many"), "surplus")
