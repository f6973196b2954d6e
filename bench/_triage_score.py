"""How well a reader of texts reads the labelled set: shares, and which kinds it confuses.

A reader is anything that gives an `Answer` to a `Line`; all are judged by the same rules.

- The category is right if it is the label's, one that the label accepts, or the label's ``broader``
  category in the code table. Harmless lines are labelled ``other``.
- Danger to life is recognised if the severity is P1 or P2.
- A harmless line is sent to if the policy would assign units without an operator: the severity is
  in ``auto_assign`` and the confidence reaches ``auto_assign_confidence``.
- An answer is sure from a confidence of 0.9.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from bench._labelled import Line
from schemas import codes
from schemas.inputs import CitizenReport

SURE = 0.9
DAY = date(2100, 1, 1)
"""The day by whose code tables texts are read: late, so that the newest rows hold."""

_URGENT = ("P1", "P2")


class Answer(NamedTuple):
    """What a reader makes of a text: codes, and how sure the category is (0 to 1)."""

    category: str
    severity: str
    confidence: float

    @property
    def sends(self) -> bool:
        """Whether units would be assigned without an operator."""
        policy = codes.default_policy()
        return (
            self.severity in policy.auto_assign and self.confidence >= policy.auto_assign_confidence
        )


Reader = Callable[[Line], Answer]
Read = Sequence[tuple[Line, Answer]]


def report_of(line: Line) -> CitizenReport:
    """Return the line as a report; its service is the channel."""
    return CitizenReport(
        service_request_id="r1",
        description=line.text,
        requested_datetime=datetime(2026, 11, 24, tzinfo=UTC),
        channel=line.service,
    )


def is_right(line: Line, answer: Answer) -> bool:
    """Return whether the category is one that the label allows."""
    broader = getattr(codes.categories(DAY).get(line.category), "broader", None)
    return answer.category in {line.category, broader, *line.accept}


def figures(read: Read) -> dict[str, float]:
    """Return the shares by which a reader is judged; one that is of no line is left out."""
    events = [(line, answer) for line, answer in read if line.event]
    harmless = [answer for line, answer in read if not line.event]
    danger = [answer for line, answer in read if line.danger]
    sure = [(line, answer) for line, answer in read if answer.confidence >= SURE]
    told = [(line, answer) for line, answer in events if line.severity != "unknown"]
    found: dict[str, float | None] = {
        "n": len(read),
        "category_accuracy": _share(is_right(*one) for one in read),
        "category_accuracy_events": _share(is_right(*one) for one in events),
        "danger_n": len(danger),
        "danger_recall": _share(answer.severity in _URGENT for answer in danger),
        "danger_unread_share": _share(answer.severity == "unknown" for answer in danger),
        "harmless_n": len(harmless),
        "false_p1_share": _share(answer.sends and answer.severity == "P1" for answer in harmless),
        "sent_by_itself_share": _share(answer.sends for answer in harmless),
        "events_sent_share": _share(answer.sends for _, answer in events),
        "severity_accuracy": _share(line.severity == answer.severity for line, answer in told),
        "sure_n": len(sure),
        "wrong_when_sure": _share(not is_right(*one) for one in sure),
    }
    return {name: value for name, value in found.items() if value is not None}


def by(read: Read, field: str) -> dict[str, dict[str, float]]:
    """Return the figures for each value of a field of the lines, such as ``lang``."""
    parts: dict[str, list[tuple[Line, Answer]]] = defaultdict(list)
    for line, answer in read:
        parts[getattr(line, field)].append((line, answer))
    return {value: figures(parts[value]) for value in sorted(parts)}


def confusion(read: Read) -> dict[str, dict[str, int]]:
    """Return counts by label, then by answer, the most frequent first.

    An answer that is right otherwise than by the label itself counts as the label. The label of
    harmless lines is ``harmless``.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line, answer in read:
        if line.event:
            said = line.category if is_right(line, answer) else answer.category
            counts[line.category][said] += 1
        else:
            counts["harmless"][answer.category] += 1
    return {
        label: dict(sorted(counts[label].items(), key=lambda one: (-one[1], one[0])))
        for label in sorted(counts)
    }


def misread_in(read: Read) -> dict[str, str]:
    """Return the texts that were read wrong, and how."""
    found = {}
    for line, answer in read:
        faults = [
            *(["category"] if not is_right(line, answer) else []),
            *(["danger"] if line.danger and answer.severity not in _URGENT else []),
            *(["sent to"] if not line.event and answer.sends else []),
        ]
        if faults:
            label = line.category if line.event else "harmless"
            found[line.text] = (
                f"{', '.join(faults)}: {label} {line.severity}, read as "
                f"{answer.category} {answer.severity} {answer.confidence:.2f}"
            )
    return found


def table_of(counts: dict[str, dict[str, int]]) -> str:
    """Return a confusion matrix as a Markdown table: what is read as what, without the zeros."""
    rows = ["| label | lines | right | read as |", "|---|---:|---:|---|"]
    for label, said in counts.items():
        own = said.get("other" if label == "harmless" else label, 0)
        rest = ", ".join(
            f"{name} {count}"
            for name, count in said.items()
            if name != ("other" if label == "harmless" else label)
        )
        rows.append(f"| {label} | {sum(said.values())} | {own} | {rest} |")
    return "\n".join(rows)


def table_of_figures(rows: dict[str, dict[str, Any]]) -> str:
    """Return figures as a Markdown table with one column for each of ``rows``."""
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    lines = [f"| figure | {' | '.join(rows)} |", f"|---|{'---:|' * len(rows)}"]
    lines += [
        f"| {name} | {' | '.join(str(values.get(name, '')) for values in rows.values())} |"
        for name in names
    ]
    return "\n".join(lines)


def _share(holds: Iterable[bool]) -> float | None:
    values = list(holds)
    return round(sum(values) / len(values), 4) if values else None
