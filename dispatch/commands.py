"""What operators ask for: one function an action, each accepted whole or refused with why."""

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

from dispatch.demand import demand_of, lacking
from dispatch.errors import Refused
from dispatch.incidents import category_changed, follow_units, set_state, severity_changed, title
from dispatch.lifecycle import FINAL, INCIDENT
from dispatch.marks import Confirmation
from dispatch.merging import merge, unmerge
from dispatch.preview import differences, trial
from dispatch.sending import Means, assign, call_back
from dispatch.settle import propose, settle
from dispatch.splitting import split
from dispatch.state import State
from dispatch.unread import is_unread
from geo.crs import check_lonlat
from geo.errors import BadCoordinates
from schemas import codes, journal
from schemas.effects import CommandAnswered, Linked
from schemas.errors import UnknownCode
from schemas.kinds import OTHER, UNKNOWN, IncidentState, Outcome, TimelineKind, is_incident_state
from schemas.records import Incident, Reason, Unit
from schemas.words import because, by_actor, by_word, lacks, said

_SPECIAL: dict[IncidentState, str] = {"on_hold": "hold", "closed": "close", "merged": "merge"}


class Answer(NamedTuple):
    """What a command is told when all that follows from it is settled.

    ``target`` is the incident that it was about, ``changes`` what one that was only tried would
    change.
    """

    command: journal.Command
    outcome: Outcome
    reason: Reason | None
    target: str
    changes: tuple[Reason, ...] = ()


def obey(state: State, means: Means, command: journal.Command) -> Answer:
    """Carry a command out, or refuse it; what a dry run would change is settled on copies."""
    if not command.dry_run:
        return Answer(command, *_act(state, means, command))
    tried = trial(state)
    outcome, reason, target = _act(tried, means, command)
    if outcome == "refused":
        return Answer(command, outcome, reason, target)
    settle(tried, means)
    without = state
    if state.marks.any():  # timers that came due have left something to settle by itself
        without = trial(state)
        settle(without, means)
    return Answer(command, "tried", reason, target, differences(without, tried))


def answer(state: State, told: Answer) -> None:
    """Answer a command, with the version at which it left its incident."""
    known = state.incidents.get(told.target)
    state.emit(
        CommandAnswered(
            command=told.command.id,
            incident=told.command.incident,
            operator=told.command.operator,
            action=told.command.action,
            expected_version=told.command.expected_version,
            outcome=told.outcome,
            reason=told.reason,
            version=None if known is None else known.version,
            at=state.now,
            changes=told.changes,
        )
    )


def _act(
    state: State, means: Means, command: journal.Command
) -> tuple[Outcome, Reason | None, str]:
    """Return outcome, reason, and the incident that the command was about."""
    followed, target = None, command.incident
    try:
        incident, followed = _target(state, command)
        target = incident.id
        if isinstance(command.action, journal.Assign):
            _assign(state, means, incident, command.action, command.operator)
        elif isinstance(command.action, journal.Override):
            _override(state, means, incident, command.action, command.operator)
        else:
            _ACTIONS[type(command.action)](state, incident, command.action, command.operator)
    except Refused as refusal:
        reason = refusal.reason
        if followed is not None:
            reason = because("refused_there", why=reason, followed=followed)
        return "refused", reason, target
    done = None if followed is None else because("done_there", followed=followed)
    return "accepted", done, target


def _target(state: State, command: journal.Command) -> tuple[Incident, Reason | None]:
    """Return the incident that a command is about, and what to say where it is another one.

    One that was merged stands for what took it in.
    """
    incident = state.incidents.get(command.incident)
    if incident is None:
        hours = state.policy.closed_memory_s / 3600
        raise Refused(
            because("no_such_incident", incident=command.incident, region=state.region, hours=hours)
        )
    expected = command.expected_version
    if expected is not None and expected != incident.version:
        raise Refused(
            because(
                "version_moved_on",
                number=incident.number,
                version=incident.version,
                expected=expected,
            )
        )
    root = state.root(incident.id)
    if root.id == incident.id or isinstance(command.action, _OF_MERGED):
        return incident, None
    return root, because("was_merged", number=incident.number, into=root.number)


def _acknowledge(
    state: State, incident: Incident, _action: journal.Acknowledge, operator: str
) -> None:
    if incident.acknowledged_at is not None:
        by = str(incident.acknowledged_by)
        raise Refused(because("was_acknowledged", number=incident.number, operator=by))
    state.change_incident(incident.id, acknowledged_at=state.now, acknowledged_by=operator)
    state.end_timer("acknowledge", incident.id)
    state.end_alerts(incident.id, by_actor(operator), "new_incident", "unacknowledged")
    state.append(incident.id, "acknowledged", operator, because("acknowledged", operator=operator))


def _assign(
    state: State, means: Means, incident: Incident, action: journal.Assign, operator: str
) -> None:
    _must_be_open(incident)
    if not action.units and is_unread(incident):
        raise Refused(because("unread", number=incident.number))
    if incident.point is None:
        raise Refused(because("has_no_place", number=incident.number))
    if action.units:
        _send(state, means, incident, action.units, operator, action.reason)
    else:
        _confirm(state, means, incident, operator, action.reason)
    state.end_alerts(incident.id, by_actor(operator), "confirm_dispatch")
    state.touch(incident.id)


def _override(
    state: State, means: Means, incident: Incident, action: journal.Override, operator: str
) -> None:
    _must_be_open(incident)
    _must_say_why(action.reason)
    if not action.units:
        raise Refused(because("override_names_units"))
    if incident.point is None:
        raise Refused(because("has_no_place", number=incident.number))
    staying = {a.unit for a in state.assignments_of(incident.id)}.intersection(action.units)
    _check_free(state, [unit for unit in action.units if unit not in staying])
    for assignment in state.assignments_of(incident.id):
        if assignment.unit not in staying:
            call_back(state, assignment, operator, by_word(action.reason))
    coming = tuple(unit for unit in action.units if unit not in staying)
    state.change_incident(incident.id, manual=True)
    _send(state, means, incident, coming, operator, action.reason)
    state.end_alerts(incident.id, by_actor(operator), "confirm_dispatch")
    state.touch(incident.id)


def _unassign(state: State, incident: Incident, action: journal.Unassign, operator: str) -> None:
    _must_say_why(action.reason)
    active = {a.unit: a for a in state.assignments_of(incident.id)}
    unknown = [unit for unit in action.units if unit not in active]
    names = ", ".join(active) or "-"
    if not action.units:
        raise Refused(because("unassign_names_units", active=names))
    if unknown:
        raise Refused(because("not_on_its_way", units=", ".join(unknown), active=names))
    for unit in dict.fromkeys(action.units):
        call_back(state, active[unit], operator, by_word(action.reason))
    state.change_incident(incident.id, manual=True)
    follow_units(state, incident.id, operator)
    state.touch(incident.id)


def _set_state(state: State, incident: Incident, action: journal.SetState, operator: str) -> None:
    if not is_incident_state(action.state):
        known = ", ".join(INCIDENT)
        raise Refused(because("no_incident_state", given=action.state, possible=known))
    if action.state in _SPECIAL:
        special = _SPECIAL[action.state]
        raise Refused(because("use_command", command=special, state=action.state))
    if action.state in FINAL:
        _must_have_no_units(state, incident)
    if incident.state == "on_hold":
        raise Refused(because("is_on_hold", number=incident.number))
    if incident.state in FINAL and action.state not in FINAL:
        raise Refused(because("is_over", number=incident.number, state=incident.state))
    set_state(state, incident.id, action.state, operator, by_word(action.reason))
    if action.state in ("dispatched", "en_route"):
        follow_units(state, incident.id, operator, joined=True)
    state.touch(incident.id)


def _classify(state: State, incident: Incident, action: journal.Classify, operator: str) -> None:
    _must_be_open(incident)
    try:
        corrections = list(_corrections(incident, action))
    except (UnknownCode, BadCoordinates) as error:
        raise Refused(because("not_valid", error=str(error))) from error
    if not corrections:
        raise Refused(because("classify_names_something"))
    if action.where is not None:
        state.change_incident(incident.id, where=action.where)
    reasons = by_word(action.reason)
    if incident.category == OTHER and action.category not in (None, OTHER):
        state.marks.named[incident.id] = None
    for correction in corrections:
        # Nothing else becomes certain: a better place makes no event of a rumour.
        certain = (*state.incidents[incident.id].certain, correction.certain)
        state.change_incident(
            incident.id, certain=tuple(dict.fromkeys(certain)), **correction.fields
        )
        line = correction.kind, operator, correction.said, reasons
        state.append(incident.id, *line, change=correction.change)
    if action.category is not None or action.severity is not None:
        state.end_alerts(incident.id, by_actor(operator), "second_opinion")
    if action.point is not None:
        state.end_alerts(incident.id, by_actor(operator), "unlocated")
        state.touch_way(incident.id, because("place_corrected"))
    state.touch(incident.id)


class _Correction(NamedTuple):
    """What an operator corrects: the line that says so, the fields, and what is certain then."""

    kind: TimelineKind
    said: Reason
    certain: str
    fields: dict[str, Any]
    change: tuple[str, str] = ("", "")


def _corrections(incident: Incident, action: journal.Classify) -> Iterator[_Correction]:
    """Yield what an operator corrects; raises where a code or a place is none.

    Who says what an unread report is of, or how bad it is, has read it: what he does not say is
    taken for granted, the usual severity of that kind, or that it is of no kind.
    """
    if action.severity == UNKNOWN:
        raise Refused(because("no_word_of_severity", severity=UNKNOWN))
    category, severity = action.category, action.severity
    if is_unread(incident) and category is not None and severity is None:
        severity = codes.category(category).default_severity
        if category == OTHER or severity == UNKNOWN:
            raise Refused(because("unread", number=incident.number))
    if is_unread(incident) and severity is not None and category is None:
        category = incident.category
    if category is not None:
        codes.category(category)
        change = incident.category, category
        fields = {
            "category": category,
            "confidence": 1.0,
            "plans": (),
            "title": title(category, action.where or incident.where),
        }
        yield _Correction("classified", category_changed(*change), "category", fields, change)
    if severity is not None:
        codes.severity(severity)
        change = incident.severity, severity
        fields = {"severity": severity}
        yield _Correction("severity", severity_changed(*change), "severity", fields, change)
    if action.point is not None:
        check_lonlat(action.point.lon, action.point.lat)
        accuracy = action.point.accuracy_m
        if accuracy is not None and not 0.0 <= accuracy < inf:
            raise Refused(because("no_radius", accuracy=str(accuracy)))
        told = because("place_is", lon=action.point.lon, lat=action.point.lat)
        yield _Correction("classified", told, "place", {"point": action.point})


def _note(state: State, incident: Incident, action: journal.AddNote, operator: str) -> None:
    if not action.text.strip():
        raise Refused(because("note_has_text"))
    state.append(incident.id, "note", operator, said(action.text))


def _hold(state: State, incident: Incident, action: journal.Hold, operator: str) -> None:
    _must_be_open(incident)
    _must_say_why(action.reason)
    if incident.state == "on_hold":
        raise Refused(because("on_hold_already", number=incident.number))
    set_state(
        state,
        incident.id,
        "on_hold",
        operator,
        by_word(action.reason),
        state_before_hold=incident.state,
    )


def _resume(state: State, incident: Incident, _action: journal.Resume, operator: str) -> None:
    if incident.state != "on_hold" or incident.state_before_hold is None:
        raise Refused(because("not_on_hold", number=incident.number, state=incident.state))
    set_state(state, incident.id, incident.state_before_hold, operator, state_before_hold=None)
    follow_units(state, incident.id, operator)
    state.touch(incident.id)


def _keep_apart(
    state: State, incident: Incident, _action: journal.KeepApart, operator: str
) -> None:
    other = incident.possible_duplicate_of
    if other is None:
        raise Refused(because("nobody_asked", number=incident.number))
    state.change_incident(incident.id, possible_duplicate_of=None, held_until=None)
    if other in state.incidents:
        state.keep_apart(incident.id, other)
    state.emit(Linked(incident=incident.id, other=other, kind="kept_apart", at=state.now))
    state.end_timer("held", incident.id)
    state.end_alerts(incident.id, by_actor(operator), "possible_duplicate")
    state.append(incident.id, "kept_apart", operator, because("own_event"))
    state.touch(incident.id)


def _close(state: State, incident: Incident, action: journal.Close, operator: str) -> None:
    if action.disposition not in codes.dispositions():
        known = ", ".join(sorted(codes.dispositions()))
        raise Refused(because("no_disposition", given=action.disposition, possible=known))
    if incident.state in ("closed", "merged", "cancelled"):
        raise Refused(because("is_already", number=incident.number, state=incident.state))
    _must_have_no_units(state, incident)
    set_state(
        state,
        incident.id,
        "closed",
        operator,
        by_word(action.reason) or (because("disposed", disposition=action.disposition),),
        disposition=action.disposition,
    )


def _reopen(state: State, incident: Incident, action: journal.Reopen, operator: str) -> None:
    _must_say_why(action.reason)
    if incident.state not in ("closed", "handed_over", "cancelled"):
        raise Refused(because("not_closed", number=incident.number, state=incident.state))
    set_state(
        state,
        incident.id,
        "pending",
        operator,
        by_word(action.reason),
        closed_at=None,
        disposition=None,
        reopened_at=state.now,
        resourced_at=None,
        short=(),
    )
    state.append(incident.id, "reopened", operator, because("reopened"), by_word(action.reason))
    state.touch(incident.id)


def _send(  # noqa: PLR0917 - one act, said in full
    state: State,
    means: Means,
    incident: Incident,
    units: tuple[str, ...],
    operator: str,
    reason: str,
) -> None:
    """Assign named units: what is lacking first, whatever else they can do otherwise."""
    units = tuple(dict.fromkeys(units))
    _check_free(state, units)
    for unit in units:
        able = state.units[unit].capabilities
        needed = [r.capability for r in lacking(state, state.incidents[incident.id])]
        capability = next((c for c in needed if c in able), able[0] if able else "patrol")
        assign(state, means, incident.id, unit, capability, operator, reason)


def _confirm(state: State, means: Means, incident: Incident, operator: str, reason: str) -> None:
    """Let the settling send what is recommended, or refuse where nobody can be sent."""
    demand = demand_of(state, incident, confirmed=True)
    if demand is None:
        raise Refused(because("has_all", number=incident.number))
    move = propose(state, means, demand)
    if not move.chosen:
        state.touch(incident.id)  # who was recommended has gone: that is to be told, and looked at
        raise Refused(because("nobody_can_be_sent", short=lacks(move.short)))
    state.change_incident(incident.id, manual=False)
    state.marks.confirmed[incident.id] = Confirmation(operator, reason)


def _check_free(state: State, units: Iterable[str]) -> None:
    for unit_id in units:
        unit = state.units.get(unit_id)
        if unit is None:
            raise Refused(because("not_of_fleet", unit=unit_id))
        if codes.unit_state(unit.state).availability != "available":
            raise Refused(not_free(state, unit))


def not_free(state: State, unit: Unit) -> Reason:
    """Return why a unit that is not available cannot be sent."""
    if unit.incident is None:
        return because("unit_not_free", unit=unit.id, unit_state=unit.state)
    number = state.incidents[unit.incident].number
    return because("unit_busy", unit=unit.id, unit_state=unit.state, number=number)


def _must_be_open(incident: Incident) -> None:
    if incident.state in FINAL:
        raise Refused(because("is_over", number=incident.number, state=incident.state))


def _must_have_no_units(state: State, incident: Incident) -> None:
    active = [a.unit for a in state.assignments_of(incident.id)]
    if active:
        raise Refused(because("still_has_units", number=incident.number, units=", ".join(active)))


def _must_say_why(reason: str) -> None:
    if not reason.strip():
        raise Refused(because("say_why"))


_OF_MERGED = (journal.Unmerge,)
"""Commands about a merged incident itself."""

_ACTIONS: dict[type, Callable[[State, Incident, Any, str], None]] = {
    journal.Acknowledge: _acknowledge,
    journal.Unassign: _unassign,
    journal.SetState: _set_state,
    journal.Classify: _classify,
    journal.AddNote: _note,
    journal.Hold: _hold,
    journal.Resume: _resume,
    journal.Merge: merge,
    journal.Unmerge: unmerge,
    journal.Split: split,
    journal.KeepApart: _keep_apart,
    journal.Close: _close,
    journal.Reopen: _reopen,
}
"""All but those that name the units to send, which need the streets."""
