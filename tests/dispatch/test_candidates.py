"""What the index of candidates leaves out could not have been matched anyway."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.candidates import Candidates
from dispatch.correlation import KindPlaceTime, Known
from schemas import codes
from schemas.records import Evidence, Incident, Point, Reading, Where
from tests.dispatch.dispatch_world import LAT, LON, START

NOW = START + timedelta(hours=10)
POLICY = codes.default_policy()
CATEGORIES = ("fire", "explosion", "flood", "medical", "manhole_hazard", "air_pollution", "other")

confidences = st.sampled_from((0.1, 0.34, 0.35, 0.6, 0.9))
readings = st.builds(Reading, category=st.sampled_from(CATEGORIES), confidence=confidences)
points = st.none() | st.builds(
    Point,
    lon=st.floats(LON - 0.02, LON + 0.02),
    lat=st.floats(LAT - 0.02, LAT + 0.02),
    accuracy_m=st.sampled_from((None, 5.0, 120.0, 349.0, 351.0, 900.0)),
)
beyond_date_line = st.builds(
    Point, lon=st.sampled_from((-179.999, 179.999)), lat=st.sampled_from((60.0, 60.001))
)
ages = st.integers(0, 30_000).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def incidents(draw):
    number = draw(st.integers(0, 10**9))
    category = draw(st.sampled_from(CATEGORIES))
    noticed = NOW - draw(ages)
    state = draw(st.sampled_from(("pending", "on_scene", "closed", "merged", "cancelled")))
    return Incident(
        id=f"I{number}",
        region="test",
        number=f"N{number}",
        version=1,
        category=category,
        severity="P2",
        confidence=draw(confidences),
        state=state,
        point=draw(points | beyond_date_line),
        where=Where(),
        title="",
        opened_at=noticed,
        updated_at=noticed,
        noticed_at=noticed,
        evidence=(),
        sources=(),
        closed_at=NOW if state in ("closed", "merged", "cancelled") else None,
        readings=tuple(draw(st.lists(readings, max_size=3))),
        certain=draw(st.sampled_from(((), ("category",)))),
    )


@st.composite
def evidence(draw):
    return Evidence(
        id="E",
        source="report",
        source_id="R",
        phase="opened",
        category=draw(st.sampled_from(CATEGORIES)),
        severity="P2",
        confidence=draw(confidences),
        point=draw(points | beyond_date_line),
        where=Where(),
        observed_at=NOW,
        received_at=NOW - timedelta(seconds=1),
        text="",
        alternatives=tuple(draw(st.lists(readings, max_size=2))),
    )


@settings(max_examples=300, deadline=None)
@given(
    said=evidence(),
    known=st.lists(incidents(), max_size=30, unique_by=lambda incident: incident.id),
    changed=st.lists(st.tuples(st.integers(0, 29), incidents()), max_size=5),
)
def test_the_candidates_hold_the_best_match(said, known, changed):
    by_id = {incident.id: incident for incident in known}
    index = Candidates(POLICY, known)
    for place, other in changed:
        if place < len(known):  # whatever an incident becomes, it is found as that
            now = {f: getattr(other, f) for f in other.__struct_fields__} | {"id": known[place].id}
            by_id[known[place].id] = Incident(**now)
            index.put(by_id[known[place].id])

    found = _match(said, [by_id[i] for i in index.of(said, NOW)])

    assert found == _match(said, by_id.values())
    # Where something is kept apart every score is worked out: no shortcut changes the answer.
    assert found == _match(said, by_id.values(), apart={"nobody": ()})


def test_an_incident_that_is_forgotten_is_no_candidate():
    incident = Incident(
        id="I",
        region="test",
        number="N",
        version=1,
        category="fire",
        severity="P2",
        confidence=0.9,
        state="pending",
        point=None,
        where=Where(),
        title="",
        opened_at=NOW,
        updated_at=NOW,
        noticed_at=NOW,
        evidence=(),
        sources=(),
    )
    said = Evidence(
        id="E",
        source="report",
        source_id="R",
        phase="opened",
        category="fire",
        severity="P2",
        confidence=0.9,
        point=None,
        where=Where(),
        observed_at=NOW,
        received_at=NOW,
        text="",
    )
    index = Candidates(POLICY, [incident])
    assert index.of(said, NOW) == {"I"}

    index.drop("I")

    assert index.of(said, NOW) == set()


def _match(said, known, apart=None):
    ordered = sorted(known, key=lambda incident: (incident.opened_at, incident.id))
    return KindPlaceTime().match(said, Known(ordered, frozenset(), apart or {}), POLICY, NOW)
