"""One event, one incident: how many true events of a simulated city become exactly one incident.

The demo's city and its simulator (events with their sensors and citizens, crews that drive and
work, an operator who answers and closes) are played in their own time through intake and core:
ten seeds at the demo's rate, ten others at three times that, and four in which citizens use words
that triage was not made with. `city.score` counts; see there for every term.

Peers are duplicate rules in use elsewhere, given the same evidence after the same triage, at the
same times: same category, so near, so long since the incident was last noticed.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.report import Report
from city.make import make_city
from city.score import EvidenceRow, IncidentRow, Score, score
from geo.crs import haversine_m
from sim import Noted, Outcome, Scenario, Scene, Words, scene_of
from sim import run as play

_CORPUS = Path(__file__).parents[1] / "tests" / "intake" / "triage_corpus.jsonl"
_SPEED = 10.0
_AFTERWARDS_S = 90.0
"""All that is said of the last event is said by then."""
_PLAYS = {20.0: (range(1, 11), 900.0), 60.0: (range(11, 21), 600.0)}
"""By rate (true events a minute): seeds, and seconds that each is played."""
_UNSEEN = 20.0, range(21, 25), 900.0
_QUICK = {20.0: (range(1, 3), 300.0), 60.0: (range(11, 13), 200.0)}
_QUICK_UNSEEN = 20.0, range(21, 22), 300.0


class _Rule(NamedTuple):
    radius_m: float
    window: timedelta


_PEERS = {
    "active911": _Rule(80.0, timedelta(minutes=10)),
    "fixmystreet": _Rule(250.0, timedelta.max),
    "signalen": _Rule(50.0, timedelta(weeks=12)),
}


def run(*, quick: bool) -> Report:
    """Play and score; ``quick`` plays fewer seeds for a shorter time."""
    began = time.process_time()
    usual = [_Plays(rate, *how) for rate, how in (_QUICK if quick else _PLAYS).items()]
    reworded = _Plays(*(_QUICK_UNSEEN if quick else _UNSEEN), _unseen())
    figures = _figures([one for plays in usual for one in plays.ours])
    for plays in usual:
        figures |= _named(f"rate_{plays.rate:g}_", _figures(plays.ours))
    figures |= _named("unseen_words_", _figures(reworded.ours))
    peers = {
        name: _figures([one for plays in usual for one in plays.theirs[name]])
        | _named("unseen_words_", _figures(reworded.theirs[name]))
        for name in _PEERS
    }
    figures["cpu_s"] = round(time.process_time() - began, 1)
    return Report(
        figures=figures,
        peers=peers,
        ratios={
            f"{name}_{prefix}failures_to_ours": round(
                (1.0 - peer[f"{prefix}found_once_share"])
                / (1.0 - figures[f"{prefix}found_once_share"]),
                1,
            )
            for name, peer in peers.items()
            for prefix in ("", "unseen_words_")
            if figures[f"{prefix}found_once_share"] < 1.0
        },
        notes=[
            (
                "demo city, speed 10; incidents close as in the demo: crews drive and work, the "
                "simulated operator answers questions and closes when they are done"
            ),
            "left out: calm background readings, GPS positions, closures of streets, Kafka",
            (
                "false_alarms are incidents of pranks and of wrong reports (places kilometres off, "
                "wrong categories), which nobody could know to be wrong"
            ),
            (
                "held_apart are incidents of reports that nobody could read (severity unknown): "
                "they wait for an operator, and are neither an event's incident nor a false alarm; "
                "unread are events of which there is no other"
            ),
            (
                "peers' incidents never close within a play; evidence without a place is an "
                "incident of its own there"
            ),
            (
                "unseen_words_…: citizens use the sentences of tests/intake/triage_corpus.jsonl "
                "that were written after the lexicon's words were chosen; not in the totals"
            ),
            *(["quick: few seeds"] if quick else []),
        ],
    )


@cache
def _scene() -> Scene:
    """Return the demo's city, made once."""
    return scene_of(make_city(1))


def _unseen() -> Words:
    """Return the sentences of triage's corpus for which no word of its lexicon was chosen."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in _CORPUS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("set") == "unseen":
            found[row["category"]].append(row["text"])
    return found


class _Plays:
    """Plays of one kind, scored as we and as the peers would have it."""

    def __init__(
        self, rate: float, seeds: Iterable[int], lasts_s: float, words: Words | None = None
    ) -> None:
        self.rate = rate
        self.ours: list[Score] = []
        self.theirs: dict[str, list[Score]] = {name: [] for name in _PEERS}
        for seed in seeds:
            played = play(
                Scenario(
                    scene=_scene(),
                    seed=seed,
                    per_hour=60.0 * rate,
                    hours=lasts_s / 3_600.0,
                    afterwards_s=_AFTERWARDS_S,
                    demand="full",
                    speed=_SPEED,
                    drawn=True,
                    words=words,
                )
            )
            self.ours.append(played.score)
            for name, rule in _PEERS.items():
                self.theirs[name].append(_by_rule(played, rule))


def _named(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in figures.items()}


def _figures(scores: Sequence[Score]) -> dict[str, float]:
    events = sum(one.events for one in scores)
    return {
        "events": events,
        "found_once_share": round(sum(one.found_once for one in scores) / events, 4),
        "worst_seed_share": round(min(one.found_once / one.events for one in scores), 4),
        "best_seed_share": round(max(one.found_once / one.events for one in scores), 4),
        "split": sum(one.split for one in scores),
        "merged": sum(one.merged for one in scores),
        "missed": sum(one.missed for one in scores),
        "unread": sum(one.unread for one in scores),
        "held_apart": sum(one.held_apart for one in scores),
        "right_category_share": round(
            sum(one.right_category for one in scores) / sum(one.found_once for one in scores), 4
        ),
        "strays": sum(one.strays for one in scores),
        "wrong_reports": sum(one.wrong + one.pranks for one in scores),
        "false_alarms": sum(one.false_alarms for one in scores),
    }


class _Case:
    """An incident as a rule keeps it."""

    def __init__(self, noted: Noted) -> None:
        self.id, self.category = noted.evidence.id, noted.evidence.category
        self.opened_at = self.noticed_at = noted.at
        self.point = noted.evidence.point


def _by_rule(played: Outcome, rule: _Rule) -> Score:
    """Score a peer's rule: the nearest incident of the category within reach, or a new one."""
    cases: dict[str, list[_Case]] = {}
    rows = []
    for noted in played.noted:
        if noted.evidence.phase != "opened":
            continue
        known = cases.setdefault(noted.evidence.category, [])
        case = _nearest(noted, known, rule)
        placed = "attached"
        if case is None:
            case, placed = _Case(noted), "opened"
            known.append(case)
        case.noticed_at = noted.at
        rows.append(_row(noted, case.id, placed))
    return score(played.truth, rows, _rows(case for known in cases.values() for case in known))


def _nearest(noted: Noted, known: Iterable[_Case], rule: _Rule) -> _Case | None:
    point = noted.evidence.point
    found: tuple[float, _Case] | None = None
    for case in known:
        if point is None or case.point is None or noted.at - case.noticed_at > rule.window:
            continue
        metres = float(haversine_m(point.lon, point.lat, case.point.lon, case.point.lat))
        if metres <= rule.radius_m and (found is None or metres < found[0]):
            found = metres, case
    return None if found is None else found[1]


def _row(noted: Noted, incident: str, placed: str) -> EvidenceRow:
    return EvidenceRow(
        source=noted.evidence.source,
        source_id=noted.evidence.source_id,
        incident_id=incident,
        placed=placed,
        observed_at=noted.evidence.observed_at,
        received_at=noted.evidence.received_at,
    )


def _rows(cases: Iterable[_Case]) -> list[IncidentRow]:
    return [
        IncidentRow(id=case.id, category=case.category, state="pending", opened_at=case.opened_at)
        for case in cases
    ]
