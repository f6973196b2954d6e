"""What triage makes of probabilities and words that disagree."""

import pytest

from intake.triage.blend import Judged
from intake.triage.look import look
from intake.triage.verdict import of_text
from tests.intake.test_triage import DAY


def decided(text: str, *kinds: tuple[str, float], danger: float = 0.0):
    judged = Judged(kinds=kinds, harmless=0.0, danger=danger, worst=0.0, least=0.0)
    return of_text(look(text, "app", DAY), judged, DAY, [])


@pytest.mark.parametrize(
    ("cause", "category"), [(0.01, "road_obstruction"), (0.3, "traffic_crash")]
)
def test_a_cause_that_is_named_and_unlikely_is_no_cause(cause, category):
    """Words of a cause stand in many texts that mean something else."""
    text = "a van hit the bollard and it lies across the road"
    found = decided(text, ("road_obstruction", 0.6), ("traffic_crash", cause))
    assert found.category == category


def test_a_cause_goes_first_where_its_consequence_is_named_too():
    text = "A bus struck a hydrant, water is spraying"
    found = decided(text, ("pipe_burst", 0.9), ("traffic_crash", 0.01))
    assert found.category == "traffic_crash"


def test_one_who_is_ill_is_no_epidemic_and_several_are():
    kinds = ("epidemic", 0.5), ("medical", 0.3)
    assert decided("孩子高烧抽筋，请派救护车", *kinds).category == "medical"
    assert decided("好几个孩子高烧抽筋，请派救护车", *kinds).category == "epidemic"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("路边垃圾桶着火了，旁边没东西", "P3"),
        ("房子着火了", "P1"),
    ],
)
def test_what_words_make_milder_is_a_danger_only_if_it_is_likelier(text, severity):
    assert decided(text, ("fire", 1.0), danger=0.15).severity == severity
    assert decided(text, ("fire", 1.0), danger=0.5).severity in {"P1", "P2"}


@pytest.mark.parametrize(("share", "severity"), [(0.6, "unknown"), (0.8, "P4")])
def test_what_is_hardly_of_no_kind_is_unread(share, severity):
    assert decided("something is up with the thing here", ("other", share)).severity == severity
