"""What citizens write, and how triage reads it: the labelled set of ``bench/labelled``.

Judged by the set ``judging`` unless ``--set tuning`` asks for the one that words were chosen with.
The peer is a classifier of the simple kind, trained on ``tuning`` in the same run.
"""

import argparse
import importlib
import importlib.util
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import _labelled
from bench._labelled import Line
from bench._triage_score import (
    DAY,
    Answer,
    Read,
    Reader,
    by,
    confusion,
    figures,
    misread_in,
    report_of,
    table_of,
    table_of_figures,
)
from bench.report import Report
from intake.triage import triage
from reader.model import is_installed

_PAGE = Path(__file__).parents[1] / "docs" / "triage.md"
_BEGIN, _END = "<!-- begin: bench triage -->", "<!-- end: bench triage -->"
_QUICK_LINES = 100
_ROUNDS = 3
_TOGETHER = "with_second_reader_"
_LONG_S = 10.0
"""A reader that took so long is not timed again."""


def product(line: Line) -> Answer:
    """Read a line as intake does, without the names of a city's places."""
    found = triage(report_of(line), DAY)
    return Answer(found.category, found.severity, found.confidence)


def readers(*, second: bool) -> dict[str, Reader]:
    """Return whom to judge, by name: the first is the product's, the others are named in figures.

    With the ``second`` reader if it is wanted and its package is installed.
    """
    found = {"triage": product}
    if second and is_installed():
        found["with_second_reader"] = importlib.import_module("bench._triage_together").together()
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", dest="part", choices=_labelled.SETS, default="judging", help="which lines"
    )
    parser.add_argument("--misread", action="store_true", help="list misread lines, of tuning only")
    parser.add_argument(
        "--second-reader",
        action="store_true",
        help="also what triage and the second reader make of them together: a minute more",
    )
    parser.add_argument("--write-docs", action="store_true", help=f"write docs/{_PAGE.name} too")


def run(
    *,
    quick: bool,
    part: str = "judging",
    misread: bool = False,
    second_reader: bool = False,
    write_docs: bool = False,
) -> Report:
    """Read every line of the set; ``quick`` reads every few lines, and once for the time."""
    notes = [
        "a category is right if it is the label's, an accepted one or the label's broader one",
        "harmless lines are labelled other; a share of harmless lines is of these alone",
        "a reader that never sends is never wrong to send: see events_sent_share too",
    ]
    if part == "judging" and not _labelled.path_of(part).exists():
        part = "tuning"
        notes.append(
            "bench/labelled/judging.jsonl is not there: judged by tuning.jsonl, with which words "
            "were chosen, so that the figures are too good"
        )
        print(f"bench triage: {notes[-1]}", file=sys.stderr)
    if misread and part != "tuning":
        raise SystemExit("bench triage: --misread is for --set tuning: judging lines stay unread")
    lines = _labelled.read(part)
    if quick:
        lines = lines[:: max(1, len(lines) // _QUICK_LINES)]
        notes.append(f"quick: {len(lines)} lines")
    report = Report(figures={}, notes=notes)
    for number, (who, reader) in enumerate(readers(second=second_reader).items()):
        read = _judge(report, "" if number == 0 else f"{who}_", reader, lines, quick=quick)
        if misread:
            report.detail[f"{who}_misread"] = misread_in(read)
    report.peers = _peers(part, lines, notes)
    report.ratios = _ratios(report)
    report.notes.append(f"set: {part}")
    if write_docs:
        _write(report, part)
    return report


def _judge(report: Report, prefix: str, reader: Reader, lines: list[Line], *, quick: bool) -> Read:
    """Add the figures of a reader to the report; return what it read."""
    reader(lines[0])  # what is loaded once, such as the lexicon, is no text's time
    taken: list[float] = []
    read: Read = ()
    while not taken or (not quick and len(taken) < _ROUNDS and sum(taken) < _LONG_S):
        began = time.process_time()
        read = [(line, reader(line)) for line in lines]
        taken.append(time.process_time() - began)
    found = figures(read) | {"ms_per_text": round(1000.0 * min(taken) / len(lines), 3)}
    report.figures |= {f"{prefix}{key}": value for key, value in found.items()}
    report.detail |= {
        f"{prefix}by_language": by(read, "lang"),
        f"{prefix}by_style": by(read, "style"),
        f"{prefix}confusion": confusion(read),
    }
    return read


def _peers(name: str, lines: list[Line], notes: list[str]) -> dict[str, dict[str, float]]:
    """Return the figures of the classifier of the simple kind, if scikit-learn is installed."""
    if importlib.util.find_spec("sklearn") is None:
        notes.append("no peer: scikit-learn is missing (make bench NAME=triage installs it)")
        return {}
    peer = importlib.import_module("bench._triage_peer")
    if name == "tuning":
        answers = peer.cross_validated(lines)
        notes.append("tfidf: each fifth read by what was learned from the other four")
    else:
        answers = peer.trained_on(_labelled.read("tuning"), lines)
        notes.append("tfidf: learned from tuning.jsonl")
    return {"tfidf": figures(list(zip(lines, answers, strict=True)))}


def _ratios(report: Report) -> dict[str, float]:
    """Return how many times as many lines each peer gets wrong."""
    return {
        f"{peer}_wrong_categories_to_ours": round(
            (1.0 - theirs["category_accuracy"]) / (1.0 - report.figures["category_accuracy"]), 2
        )
        for peer, theirs in report.peers.items()
        if report.figures["category_accuracy"] < 1.0
    }


def _write(report: Report, name: str) -> None:
    """Replace the part of the page between the two marks."""
    page = _PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"bench triage: docs/{_PAGE.name} lacks {_BEGIN} or {_END}: put them in")
    own = {k: v for k, v in report.figures.items() if not k.startswith(_TOGETHER)}
    columns = {"all": own, **report.detail["by_language"]}
    together = {
        name.removeprefix(_TOGETHER): value
        for name, value in report.figures.items()
        if name.startswith(_TOGETHER)
    }
    columns |= {"with second reader": together} if together else {}
    columns |= {f"peer: {peer}": values for peer, values in report.peers.items()}
    text = "\n\n".join(
        [
            f"Set `{name}`, {report.figures['n']} lines, {datetime.now(UTC):%Y-%m-%d}.",
            table_of_figures(columns),
            "By style:",
            table_of_figures(report.detail["by_style"]),
            "Confusion. Right is what the label accepts, of harmless lines `other`:",
            table_of(report.detail["confusion"]),
        ]
    )
    _PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
