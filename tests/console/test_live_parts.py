"""The live stream's parts without a broker: places, ages, history, views, a client's mailbox."""

import asyncio
from dataclasses import replace

import pytest

from console.access import Person, Role
from console.live.ages import Ages, Behind
from console.live.client import Client, Credential
from console.live.history import History
from console.live.model import At, IncidentNow, Step, UnitNow, Whole
from console.live.place import LONGEST, Layout, layout_of
from console.live.visibility import Filters, View, view_of
from infra.topic_ids import KnownTopic

TOPICS = {"b": KnownTopic("1", 2), "a": KnownTopic("2", 1)}
FIRE = IncidentNow("fire", "P1", At(121.4, 31.2), frozenset({"U1"}))
LIFT = IncidentNow("lift_entrapment", "P3", At(121.4, 31.2))
WHOLE = Whole(b'{"id":"i"}', (("U1", b'{"id":"a1"}'), ("U2", b'{"id":"a2"}')), (b'{"id":"l"}',))


def view(role: Role, **filters: object) -> View:
    own = {Role.DEPARTMENT: {"department": "medical"}, Role.RESPONDER: {"unit": "U1"}}
    return view_of(Person("p", role, **own.get(role, {})), Filters(**filters))


def step(kind: str, before: IncidentNow | None, after: IncidentNow | None, **more) -> Step:
    whole = WHOLE if before is not None and before != after else None
    return Step(kind, "i", b"{}", incident=(before, after), whole=whole, **more)


def test_a_place_means_the_same_in_the_same_topics_only() -> None:
    layout = layout_of(TOPICS)
    assert layout.parts == (("a", 0), ("b", 0), ("b", 1))
    word = layout.word([3, 70_000, 2**40]).decode()
    assert layout.offsets(word) == [3, 70_000, 2**40]
    made_again = layout_of(TOPICS | {"a": KnownTopic("3", 1)})
    assert made_again.offsets(word) is None
    for rubbish in ("", "!", word[:-2], word + "AAAA", "x" * (LONGEST + 1), "é", "kw=="):
        assert layout.offsets(rubbish) is None
    assert (
        layout.offsets(Layout(layout.parts, layout.fingerprint).word([1, 2, -3]).decode()) is None
    )


def test_an_age_is_since_the_last_moment_of_which_all_is_read() -> None:
    behind = Behind()
    behind.note(10.0, {("t", 0): 5})
    behind.note(20.0, {("t", 0): 9})
    assert behind.since is None
    behind.reach({("t", 0): 7})
    assert behind.since == 10.0
    behind.reach({("t", 0): 9})
    assert behind.since == 20.0
    behind.note(30.0, {("t", 0): 12})
    behind.reach({("t", 0): 11})
    assert behind.since == 20.0, "it stands still, so its age grows"
    assert Ages().heartbeat().broker_age is None


def test_history_is_bounded_and_knows_how_far_it_reaches() -> None:
    history = History([0, 5], most_bytes=10)
    one = Step("incident", "i", b"12345")
    for offset in range(3):
        history.put(0, offset, one)
    assert not history.reaches([0, 5]), "the oldest one is forgotten"
    assert history.reaches([1, 5])
    assert not history.reaches([1, 4])
    assert [offset for _, offset, _ in history.since([2, 5])] == [2]
    assert not history.is_past([0, 0])
    history.put(1, 5, replace(one, past=True))
    assert history.is_past([9, 5])
    assert not history.is_past([9, 6])


async def test_a_client_keeps_so_much_and_no_more() -> None:
    client = Client(Person("p", Role.VIEWER), Credential(b"", is_token=True), view(Role.VIEWER), 10)
    client.put(b"x" * 100, free=True)
    client.put(b"y" * 10)
    client.put(b"z")
    assert client.is_over
    client.put(b"lost")
    assert await client.take() == b'event: end\ndata: {"reason":"slow"}\n\n'
    assert await client.take() is None


@pytest.mark.parametrize(
    ("role", "before", "after", "told"),
    [
        (Role.OPERATOR, LIFT, FIRE, "incident"),
        (Role.DEPARTMENT, LIFT, FIRE, "enter"),
        (Role.DEPARTMENT, FIRE, FIRE, "incident"),
        (Role.DEPARTMENT, FIRE, LIFT, "gone"),
        (Role.DEPARTMENT, LIFT, LIFT, None),
        (Role.DEPARTMENT, None, FIRE, "incident"),
        (Role.RESPONDER, LIFT, FIRE, "enter"),
        (Role.RESPONDER, FIRE, LIFT, "gone"),
        (Role.RESPONDER, LIFT, LIFT, None),
        (Role.PLANNER, LIFT, FIRE, None),
    ],
)
def test_an_incident_comes_into_view_and_leaves_it(role, before, after, told) -> None:
    found = view(role).see(step("incident", before, after))
    assert (found and found[0]) == told


def test_what_a_crew_is_told_is_its_own() -> None:
    crew = view(Role.RESPONDER)
    told = crew.see(step("dispatch", LIFT, FIRE, crew="U1"))
    assert told == (
        "enter",
        b'{"incident":{"id":"i"},"assignments":[{"id":"a1"}],"alerts":[{"id":"l"}]}',
    )
    assert crew.see(step("dispatch", FIRE, FIRE, crew="U2")) is None
    assert crew.see(step("dispatch", FIRE, FIRE, crew="U1")) is not None
    assert crew.see(step("dispatch", FIRE, FIRE, advice=True)) is None


def test_recommendations_are_for_those_who_decide() -> None:
    advice = step("dispatch", FIRE, FIRE, advice=True)
    told = {role for role in Role if view(role).see(advice) is not None}
    assert told == {Role.OPERATOR, Role.SUPERVISOR, Role.ADMINISTRATOR}
    past = replace(advice, past=True)
    assert {role for role in Role if view(role).see(past) is not None} == told


def test_units_by_role_and_area() -> None:
    here, there = At(121.4, 31.2), At(121.9, 31.2)
    of_fire, of_medical = UnitNow("U1", "fire", here), UnitNow("U2", "medical", here)
    moved = Step("unit", "U2", b"{}", unit=(of_medical, UnitNow("U2", "medical", there)))
    assert not view(Role.DEPARTMENT).sees_unit(of_fire)
    assert view(Role.DEPARTMENT).sees_unit(of_medical)
    assert view(Role.RESPONDER).sees_unit(of_fire)
    assert not view(Role.RESPONDER).sees_unit(of_medical)
    near = view(Role.OPERATOR, bbox=(121.0, 31.0, 121.5, 31.5))
    assert near.see(moved) == ("gone", b'{"kind":"unit","id":"U2"}')
    assert view(Role.OPERATOR).see(moved) == ("unit", b"{}")
    nowhere = IncidentNow("fire", "P1", None)
    assert near.sees_incident(nowhere), "what could not be placed is shown to everybody"


class _Wire:
    """A connection that takes what is written; ``size`` bytes of it are not sent yet."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.size = 0

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.size

    def writelines(self, parts: list[bytes]) -> None:
        self.written.append(b"".join(parts))


async def test_what_is_written_at_once_overtakes_nothing() -> None:
    """A client that keeps up gets chunks without its task; one that does not gets all in order."""
    person = Person("p", Role.OPERATOR)
    client, wire = Client(person, Credential(b"", is_token=True), view(Role.OPERATOR), 100), _Wire()
    client.put(b"one")
    client.attach(wire)
    client.put(b"two")
    assert await client.take() == b"onetwo"
    client.put(b"three")  # while that is being sent
    assert await client.take() == b"three"
    assert wire.written == []
    taking = asyncio.create_task(client.take())
    await asyncio.sleep(0)
    client.put(b"it is at once")
    assert wire.written == [b"d\r\nit is at once\r\n"]
    wire.size = 1 << 20  # it does not read
    client.put(b"four")
    assert await taking == b"four"
    wire.size = 0
    client.put(b"five")
    client.put(b"x" * 100)
    assert (len(wire.written), client.is_over) == (1, True)
    assert await client.take() == b'event: end\ndata: {"reason":"slow"}\n\n'
