"""Whatever comes in is refused with its reason or rightly taken; nothing else ever happens."""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from intake import (
    BadInput,
    IntakeLimits,
    Positions,
    Readings,
    Reports,
    Stamps,
    Streets,
    open_message,
)
from schemas import topics
from schemas.envelope import Envelope
from schemas.journal import Entry
from schemas.outputs import IncidentChanged
from tests.streams.rig import now
from tests.streams.spoiled import Fuzzer


class Message(NamedTuple):
    value: bytes | None
    headers: Iterable[tuple[str, bytes]]


Take = Callable[[Message], object]


@pytest.fixture(scope="module")
def takers(city: CityData) -> dict[str, Take]:
    """What takes a message, by topic."""
    limits = IntakeLimits()
    readings, reports = Readings(city, limits), Reports(city, limits, b"secret")
    positions, stamps, streets = Positions(city, limits), Stamps(city, limits), Streets(city)
    return {
        topics.READINGS.name: lambda m: readings.take(readings.open(m), now(), None),
        topics.REPORTS.name: lambda m: reports.take(reports.open(m), now()),
        topics.POSITIONS.name: lambda m: positions.take(positions.open(m), now(), None),
        topics.UNIT_STATUS.name: lambda m: stamps.take(stamps.open(m), now()),
        topics.STREETS.name: lambda m: streets.take(streets.open(m)),
        topics.JOURNAL.name: lambda m: open_message(m, topics.JOURNAL, Entry),  # type: ignore[arg-type]
        topics.INCIDENTS.name: lambda m: open_message(m, topics.INCIDENTS, IncidentChanged),
    }


TOPICS = (*topics.INPUTS, topics.JOURNAL, topics.INCIDENTS)


def test_every_input_topic_is_tried(takers):
    assert set(takers) == {topic.name for topic in TOPICS}, (
        "add what takes its messages to `takers`"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)


@given(
    topic=st.sampled_from(TOPICS),
    value=st.binary(max_size=300)
    | json_values.map(lambda value: json.dumps(value).encode(errors="surrogatepass")),
    headers=st.lists(
        st.tuples(st.sampled_from(["ce_id", "ce_type", "x"]), st.binary(max_size=30)), max_size=4
    ),
    honest=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_rubbish_is_refused_and_breaks_nothing(takers, topic, value, headers, honest):
    if honest:
        headers = Envelope(id="e", source="test", type=topic.type).headers()
    with pytest.raises(BadInput) as caught:
        takers[topic.name](Message(value, headers))
    assert caught.value.fault
    assert str(caught.value)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_spoiled_messages_are_refused_or_taken(takers, city, seed):
    for sent, refused in Fuzzer(city, seed, "f").some(20):
        message = Message(sent.value, sent.headers)
        if refused:
            with pytest.raises(BadInput):
                takers[sent.topic](message)
            continue
        try:
            takers[sent.topic](message)
        except BadInput:
            continue
