"""W3C trace context: what is read, what is refused, and what is derived."""

import pytest

from schemas import traces

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_message_stays_in_the_trace_of_its_cause_and_names_a_span_of_its_own():
    carried = traces.read(traces.carried(PARENT, "e1"))
    assert carried == traces.Context(
        "4bf92f3577b34da6a3ce929d0e0e4736", traces.span_of("e1", traces.PUBLISH), sampled=True
    )


def test_what_its_producer_does_not_want_recorded_stays_so():
    assert traces.carried(PARENT[:-2] + "00", "e1").endswith("-00")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Li Lei 13800000000",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "ff" + PARENT[2:],
        PARENT.upper(),
        PARENT + "-more",
    ],
)
def test_without_a_usable_parent_the_trace_is_derived_from_the_id(header):
    assert traces.read(header) is None
    carried = traces.carried(header, "e1")
    assert carried == traces.carried(None, "e1") != traces.carried(None, "e2")
    assert traces.read(carried) is not None


def test_a_later_version_may_say_more():
    assert traces.read("01" + PARENT[2:] + "-more") is not None
