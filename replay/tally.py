"""Counts of entries and effects of a replay."""

from collections import Counter

from replay.player import Replayed
from schemas import effects


class Tally:
    """Counts entries by kind, and their effects by name."""

    def __init__(self) -> None:
        self.entries: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()

    def add(self, applied: Replayed) -> None:
        """Count one entry and its effects."""
        self.entries[applied.kind] += 1
        for effect in applied.effects:
            name = _name(effect)
            if name is not None:
                self.happened[name] += 1


def _name(effect: effects.Effect) -> str | None:
    match effect:
        case effects.EvidencePlaced(placed=placed):
            opened = placed in {"opened", "asked"}
            return "incidents opened" if opened else f"evidence {placed}"
        case effects.AssignmentWritten(change=change):
            return "assignments" if change == "assigned" else f"assignments {change}"
        case effects.AlertWritten(alert=alert):
            return "alerts raised" if alert.ended_at is None else "alerts ended"
        case effects.CommandAnswered(outcome=outcome):
            return f"commands {outcome}"
        case effects.Linked(kind=kind):
            return f"links {kind}"
    return _NAMES.get(type(effect))


_NAMES: dict[type[effects.Effect], str] = {
    effects.TimelineAppended: "timeline entries",
    effects.StampRefused: "stamps refused",
    effects.ConditionWritten: "street conditions",
    effects.PolicyWritten: "policies",
    effects.CityWritten: "cities",
    effects.FenceWritten: "fences",
}
