"""Two incidents are one event after all, or after all they are not.

A merge keeps the graver reading and severity, the better place, and what both response plans ask
for. Nobody is called back by it: who is not needed twice is for the operator to say. What it did
is remembered once it is settled, so that it can be undone exactly.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from dispatch.errors import Refused
from dispatch.families import as_a_whole, taken_in
from dispatch.incidents import fall_back, follow_units, set_state, title
from dispatch.lifecycle import FINAL
from dispatch.marks import Merging
from dispatch.notes import latest
from dispatch.notice import tell_changes
from dispatch.sending import call_back, end_watch, handed
from dispatch.state import State
from dispatch.understanding import FIELDS, together, understood
from schemas import journal
from schemas.effects import Linked
from schemas.ids import derive
from schemas.kinds import AlertKind, TimerKind
from schemas.records import Alert, Assignment, Handover, Incident, Merger, Reason, Timer
from schemas.words import because, by_actor, by_word

_WATCHES: tuple[TimerKind, ...] = ("turnout", "late")
_LATE: tuple[AlertKind, ...] = ("turnout_late", "unit_late")
_ASKED: tuple[AlertKind, ...] = ("confirm_dispatch", "surplus", "unlocated", "unresourced")
_TIMERS: tuple[TimerKind, ...] = ("acknowledge", "unresourced", "held")
_RESTORED = (
    *("noticed_at", "manual", "short", "resourced_at"),
    *("possible_duplicate_of", "held_until"),
)
_UNDERSTOOD = (*FIELDS, "title", "plans", "certain")


def merge(state: State, incident: Incident, action: journal.Merge, operator: str) -> None:
    """Let another incident take this one in."""
    into = _other(state, incident, action)
    whole = together(into, incident, state.policy.places)
    late = _late_alerts(state, incident.id)
    alerts = [alert for alert in state.alerts_of(incident.id) if alert not in late]
    timers = [timer for kind in _TIMERS if (timer := state.timers.get((kind, incident.id)))]
    set_state(
        state,
        incident.id,
        "merged",
        operator,
        by_word(action.reason) or (because("same_event_as", number=into.number),),
        merged_into=into.id,
        disposition="duplicate",
    )
    lists = latest(state.notes.of(into.id))
    noticed = max(into.noticed_at, incident.noticed_at)
    more = {"noticed_at": noticed, "plans": whole.plans, "manual": whole.manual}
    state.change_incident(into.id, **lists, **more)
    told = because("took_in", number=incident.number)
    state.append(into.id, "merged", operator, told, by_word(action.reason))
    state.emit(Linked(incident=incident.id, other=into.id, kind="merged", at=state.now))
    tell_changes(state, into.id, whole, operator, because("says_so", number=incident.number))
    state.change_incident(into.id, certain=whole.certain)
    answered = _answer_question(state, into.id, operator)
    if into.state == "scheduled" and incident.state != "scheduled":
        why = because("cannot_wait", number=incident.number)
        set_state(state, into.id, "pending", operator, (why,))
    handovers = tuple(
        _hand_over(state, assignment, late, (into.id, operator, because("came_with_merger")))
        for assignment in state.assignments_of(incident.id)
    )
    follow_units(state, into.id, operator, joined=True)
    if whole.point not in (into.point, incident.point) or into.point != incident.point:
        state.touch_way(into.id, because("place_of_both"))
    state.touch(into.id)
    state.marks.surplus[into.id] = None
    merger = Merger(
        id=derive(state.cause, "merger"),
        incident=incident.id,
        into=into.id,
        at=state.now,
        by=operator,
        before=into,
        after=state.incidents[into.id],
        taken=incident,
        handovers=handovers,
        sent=(),
        alerts=(*alerts, *answered[0]),
        timers=(*timers, *answered[1]),
    )
    there = frozenset(assignment.id for assignment in state.assignments_of(into.id))
    state.marks.mergings.append(Merging(merger, there))


def unmerge(state: State, incident: Incident, action: journal.Unmerge, operator: str) -> None:
    """Make two incidents of one again, as they were but for what has happened since.

    Where nothing came in between, each is as it was; else each is understood anew by what is its
    own. Units that came with the incident go back to it, those that were sent because of the merge
    are called back unless they have arrived.
    """
    if not action.reason.strip():
        raise Refused(because("say_why"))
    merger = state.mergers.get(incident.id)
    if merger is None:
        raise Refused(because("not_merged", number=incident.number, state=incident.state))
    into = state.incidents[merger.into]
    if into.state == "merged":
        raise Refused(
            because("merged_further", number=into.number, into=state.root(into.id).number)
        )
    if into.state in FINAL:
        raise Refused(because("taker_is_over", number=into.number, state=into.state))
    _call_back_sent_by(state, merger, operator)
    state.put_merger(msgspec.structs.replace(merger, undone_at=state.now))
    set_state(
        state,
        incident.id,
        merger.taken.state,
        operator,
        by_word(action.reason),
        merged_into=None,
        disposition=merger.taken.disposition,
        closed_at=None,
        short=merger.taken.short,
    )
    own, others = as_it_was(state, incident, merger), without(state, into, merger)
    why = because("own_event_because", number=incident.number, why=action.reason)
    state.change_incident(into.id, **latest(state.notes.of(into.id)), **others)
    state.append(into.id, "unmerged", operator, because("gave_up", number=incident.number), (why,))
    state.change_incident(incident.id, **latest(state.notes.of(incident.id)), **own)
    told = because("no_part_of", number=into.number)
    state.append(incident.id, "unmerged", operator, told, by_word(action.reason))
    state.emit(Linked(incident=incident.id, other=into.id, kind="kept_apart", at=state.now))
    state.keep_apart(incident.id, into.id)
    came = {handover.after for handover in merger.handovers}
    late = _late_alerts(state, into.id)
    for assignment in state.assignments_of(into.id):
        if assignment.id in came:
            _hand_over(state, assignment, late, (incident.id, operator, because("went_back")))
    _end_alerts_of(state, merger, operator)
    _ask_again(state, merger)
    for one, floor in ((into.id, merger.before.state), (incident.id, merger.taken.state)):
        fall_back(state, one, operator, floor)
        if state.incidents[one].point != into.point:
            state.touch_way(one, because("merge_undone"))
        state.touch(one)
        state.marks.surplus[one] = None


def without(state: State, into: Incident, merger: Merger) -> dict[str, Any]:
    """Return how an incident is understood without one that it gives up: fields that differ."""
    before, after = merger.before, merger.after
    restored = {
        name: getattr(before, name)
        for name in _RESTORED
        if getattr(after, name) != getattr(before, name)
        and getattr(into, name) == getattr(after, name)
    }
    counted = into.evidence_count == after.evidence_count
    if counted and all(getattr(into, name) == getattr(after, name) for name in _UNDERSTOOD):
        return restored | {name: getattr(before, name) for name in _UNDERSTOOD}
    # What an operator has said since stands, and what he had said before, if he did not say more.
    since = [name for name in into.certain if name not in after.certain]
    values = _certain_values(before, before.certain) | _certain_values(into, since)
    certain = tuple(dict.fromkeys((*before.certain, *since)))
    base = msgspec.structs.replace(into, **values, certain=certain, plans=())
    return restored | _understood(as_a_whole(state, base))


def as_it_was(state: State, incident: Incident, merger: Merger) -> dict[str, Any]:
    """Return how an incident that was given up is understood by its own: fields that differ."""
    if len(state.notes.of(incident.id)) == merger.taken.evidence_count:
        return {}
    known = understood(incident, state.notes.own(incident.id), state.policy)
    return _understood(taken_in(state, known))


def _understood(whole: Incident) -> dict[str, Any]:
    fields = {name: getattr(whole, name) for name in _UNDERSTOOD}
    return fields | {"title": title(whole.category, whole.where)}


def _certain_values(incident: Incident, certain: Iterable[str]) -> dict[str, Any]:
    fields = {
        "category": ("category", "confidence"),
        "severity": ("severity",),
        "place": ("point", "where"),
    }
    return {name: getattr(incident, name) for field in certain for name in fields[field]}


def _answer_question(state: State, into: str, operator: str) -> tuple[list[Alert], list[Timer]]:
    """End the question whether an incident is what it has just taken in; return what it ended."""
    doubt = state.incidents[into].possible_duplicate_of
    if doubt is None or doubt not in state.notes.family(into):
        return [], []
    alerts = [a for a in state.alerts_of(into) if a.kind == "possible_duplicate"]
    timer = state.timers.get(("held", into))
    state.end_alerts(into, by_actor(operator), "possible_duplicate")
    state.end_timer("held", into)
    state.change_incident(into, possible_duplicate_of=None, held_until=None)
    return alerts, [timer] if timer is not None else []


def _other(state: State, incident: Incident, action: journal.Merge) -> Incident:
    """Return the incident to merge into, or refuse."""
    named = state.incidents.get(action.into)
    into = None if named is None else state.root(named.id)
    if into is None or into.id == incident.id:
        raise Refused(because("no_other_incident", incident=action.into))
    if incident.state in FINAL or into.state in FINAL:
        raise Refused(
            because(
                "one_is_over",
                number=incident.number,
                state=incident.state,
                other=into.number,
                state_other=into.state,
            )
        )
    held = next((one.number for one in (incident, into) if one.state == "on_hold"), None)
    if held is not None:
        raise Refused(because("is_on_hold", number=held))
    theirs = state.notes.family(into.id)
    for mine in state.notes.family(incident.id):
        for other in sorted(state.apart.get(mine, ())):
            if other in theirs and not action.reason.strip():
                one, two = state.incidents[mine].number, state.incidents[other].number
                raise Refused(because("kept_apart", number=one, other=two))
    return into


def _late_alerts(state: State, incident: str) -> list[Alert]:
    return [alert for alert in state.alerts_of(incident) if alert.kind in _LATE]


def _hand_over(
    state: State, assignment: Assignment, late: list[Alert], goal: tuple[str, str, Reason]
) -> Handover:
    """Let a unit go on to another incident, with its stamps, timers and what was late about it.

    ``goal`` is that incident, the operator who says so, and what is said.
    """
    to, operator, why = goal
    ended = msgspec.structs.replace(assignment, ended="cancelled", clear=state.now)
    state.put_assignment(ended, "cancelled")
    going_on = msgspec.structs.replace(
        assignment,
        id=handed(to, assignment.id),
        incident=to,
        reasons=(*assignment.reasons, why),
        origin=assignment.origin or assignment.incident,
    )
    state.put_assignment(going_on, "assigned")
    for kind in _WATCHES:
        timer = state.timers.get((kind, assignment.id))
        if timer is not None:
            state.set_timer(kind, going_on.id, timer.due)
    end_watch(state, assignment, because("handed_over"))
    for alert in late:
        if alert.subject == assignment.id:
            said = alert.kind, alert.said
            state.raise_alert(to, *said, priority=alert.priority, subject=going_on.id)
    _follow_in_mergers(state, assignment.id, going_on.id)
    unit = state.change_unit(assignment.unit, assignment=going_on.id, incident=to)
    told = because("unit_went_over", name=unit.name, unit=unit.id, why=why)
    state.append(to, "assigned", operator, told)
    return Handover(before=assignment.id, after=going_on.id)


def _follow_in_mergers(state: State, known: str, now: str) -> None:
    """Let merges that stand know under which id a unit that came with them goes on."""
    for merger in [state.mergers[incident] for incident in sorted(state.mergers)]:
        if not any(handover.after == known for handover in merger.handovers):
            continue
        handovers = tuple(
            msgspec.structs.replace(handover, after=now) if handover.after == known else handover
            for handover in merger.handovers
        )
        state.put_merger(msgspec.structs.replace(merger, handovers=handovers))


def _call_back_sent_by(state: State, merger: Merger, operator: str) -> None:
    """Call back who was sent because of a merge, at once, and has not arrived."""
    for assignment in state.assignments_of(merger.into):
        if assignment.id in merger.sent and assignment.on_scene is None:
            call_back(state, assignment, operator, (because("sent_by_merge"),))


def _end_alerts_of(state: State, merger: Merger, operator: str) -> None:
    """End what was asked for since the merge: what is still to be asked is asked again."""
    for alert in state.alerts_of(merger.into):
        if alert.kind in _ASKED and alert.raised_at >= merger.at:
            state.end_alerts(merger.into, by_actor(operator), alert.kind)


def _ask_again(state: State, merger: Merger) -> None:
    """Let the alerts and timers stand again that the merge ended."""
    for alert in merger.alerts:
        state.raise_alert(alert.incident, alert.kind, alert.said, priority=alert.priority)
    for timer in merger.timers:
        state.set_timer(timer.kind, timer.subject, timer.due)
