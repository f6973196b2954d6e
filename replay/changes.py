"""Which versions decide otherwise than those before them, and why.

A replay is exact for the rules by which was decided. When the core's rules change, an older
journal gives other answers; that is no fault, but it must be said, with the reasons. So each
change of a rule is named here in the version that brings it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.software import deciding_software

PAGE = "docs/decisions/0010-an-older-versions-journal.md"
"""Why an older journal is replayed by today's rules, and how to see it by its own."""


@dataclass(frozen=True)
class Change:
    """A rule that a version decides by, and the versions before it did not.

    Attributes
    ----------
    version
        The first that does, such as ``0.2.0``.
    rule
        What holds since, as one sentence.
    page
        Where the reasons are.
    """

    version: str
    rule: str
    page: str = PAGE


CHANGES = (
    Change(
        "0.2.0",
        "The journal's log-append time is the only clock: a tick carries no time, and each entry "
        "lets the timers act first that are due by then.",
    ),
    Change(
        "0.2.0",
        "A merge keeps the graver reading and severity, the better place and what both plans "
        "want; it calls nobody back, and can be undone.",
    ),
    Change(
        "0.2.0",
        "What an operator corrects becomes certain, and nothing else: moving the pin of an "
        "exercise sends nobody.",
    ),
    Change(
        "0.2.0",
        "Evidence that fits two incidents that an operator keeps apart is not joined to either "
        "unasked, unless it fits one clearly better.",
    ),
    Change(
        "0.2.0",
        "A stamp or command that names a merged incident follows it.",
    ),
    Change(
        "0.2.0",
        "Work for units that become free is looked for at the end of the entry, for a bounded "
        "number of incidents, the worst first; the next entry goes on.",
    ),
    Change(
        "0.2.0",
        "An operator is told at once of a P1 or P2 incident that is short of units.",
    ),
    Change(
        "0.2.0",
        "Evidence joins a closed incident only where it had arrived before the close, whatever "
        "time its source tells.",
    ),
    Change(
        "0.2.0",
        "What cannot be decided by, such as a policy without timers, is no entry of the journal.",
    ),
    Change(
        "0.2.0",
        "An incident's record carries the latest of its evidence and how much there is; each "
        "line of the timeline is followed by the incident as that line left it.",
    ),
)
"""In order of version."""


def changes_since(
    decided_by: Mapping[int, str], first: int, software: str | None = None
) -> tuple[Change, ...]:
    """Return the changes between the oldest version that decided and one that replays.

    Parameters
    ----------
    decided_by
        Names of software (``infra.software``) by the offset from which on each decided.
    first
        The first offset that is replayed. Ledgers from before they noted it do not say what
        decided that; then all changes count.
    software
        What replays; this software when None.
    """
    now = _numbers(software or deciding_software())
    known = any(offset <= first for offset in decided_by)
    oldest = min(map(_numbers, decided_by.values()), default=()) if known else ()
    return tuple(change for change in CHANGES if oldest < _numbers(change.version) <= now)


def _numbers(software: str) -> tuple[int, ...]:
    """Return a version's numbers, of ``0.2.0`` or ``0.2.0+1f2e3d4c5b6a``."""
    release = re.match(r"[0-9.]*", software)
    assert release is not None, "it matches the empty text too"
    return tuple(int(number) for number in release[0].split(".") if number)
