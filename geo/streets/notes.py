"""What was read from a map, repaired or left out: counts by a short sentence, with examples."""

from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["MOST_EXAMPLES", "Notes"]

MOST_EXAMPLES = 3
"""Examples that are kept of each sentence: enough to look up, few enough to print."""


class Notes(Counter[str]):
    """A counter of sentences that also keeps the ids of the first few of each.

    Ids are written as in OpenStreetMap's addresses, such as ``way/123``; arcs by their own id.
    """

    def __init__(
        self,
        counts: Mapping[str, int] | None = None,
        examples: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(dict(counts or {}))
        self.examples: dict[str, list[str]] = {
            what: list(ids)[:MOST_EXAMPLES] for what, ids in (examples or {}).items()
        }

    def note(self, what: str, example: str) -> None:
        """Count one more, and keep its id if there are few yet."""
        self[what] += 1
        known = self.examples.setdefault(what, [])
        if len(known) < MOST_EXAMPLES and example not in known:
            known.append(example)

    def also(self, other: "Notes") -> None:
        """Add the counts and examples of others."""
        for what, count in other.items():
            self[what] += count
            known = self.examples.setdefault(what, [])
            known += [id_ for id_ in other.examples.get(what, ()) if id_ not in known]
            del known[MOST_EXAMPLES:]

    def told(self) -> dict[str, dict[str, object]]:
        """Return counts and examples by sentence, sorted, as they are stored with a map."""
        return {
            what: {"count": count, "examples": self.examples.get(what, [])}
            for what, count in sorted(self.items())
            if count
        }
