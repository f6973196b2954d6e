"""Changes of the core's rules by version, with their reasons.

A replay is exact for the rules that decided. After a change of the rules, an older journal gives
other effects. That is no fault, but the replay must say so, with the reasons. So each change of
a rule is listed here, under the version that introduces it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.software import deciding_software

PAGE = "docs/decisions/0010-an-older-versions-journal.md"
"""Why today's rules replay an older journal, and how to replay it with its own rules."""


@dataclass(frozen=True)
class Change:
    """A rule that is new in a version.

    Attributes
    ----------
    version
        The first version with the rule, such as ``0.2.0``.
    rule
        The rule, as one sentence.
    page
        Page with the reasons.
    """

    version: str
    rule: str
    page: str = PAGE


CHANGES = (
    Change(
        "0.2.0",
        "The journal's log-append time is the only clock: a tick carries no time, and before each "
        "entry the timers due by its time act.",
    ),
    Change(
        "0.2.0",
        "A merge keeps the more serious category and severity, the better place and the "
        "requirements of both plans; it calls no unit back, and can be undone.",
    ),
    Change(
        "0.2.0",
        "The fields that an operator corrects become certain, and no others: moving an exercise "
        "to another place sends nobody.",
    ),
    Change(
        "0.2.0",
        "Evidence that fits two incidents kept apart by an operator joins neither without asking, "
        "unless it fits one clearly better.",
    ),
    Change(
        "0.2.0",
        "A stamp or command that names a merged incident applies to the incident that took it in.",
    ),
    Change(
        "0.2.0",
        "At the end of each entry, freed units are assigned to a bounded number of incidents, "
        "the worst first; the next entry continues.",
    ),
    Change(
        "0.2.0",
        "A P1 or P2 incident that is short of units raises an alert at once.",
    ),
    Change(
        "0.2.0",
        "Evidence joins a closed incident only if it arrived before the close, whatever time its "
        "source gives.",
    ),
    Change(
        "0.2.0",
        "An entry that cannot be used, such as a policy without timers, becomes a dead letter.",
    ),
    Change(
        "0.2.0",
        "An incident's record carries its latest evidence and the total count; each line of the "
        "timeline is followed by the incident after that line.",
    ),
    Change(
        "0.3.0",
        "A policy contains every number that decides; a policy without the new parts decides as "
        "before, and is recorded with them.",
    ),
    Change(
        "0.3.0",
        "An incident that is over is no longer short of anything.",
    ),
    Change(
        "0.3.0",
        "The core reports which incidents it forgets; the ledger no longer derives it.",
    ),
    Change(
        "0.3.0",
        "A timeline line names the codes before and after its change, and an operator's correction "
        "has one line per corrected field.",
    ),
    Change(
        "0.3.0",
        "Each entry, with its due timers, is settled once at its end: the worst and oldest "
        "incident is served first, whatever was touched first, and timeline lines of the "
        "settling follow those of the entry.",
    ),
    Change(
        "0.3.0",
        "Shortages and the reasons of a recommendation are codes with values; if only the reason "
        "of a shortage changes, no timeline line is written.",
    ),
    Change(
        "0.3.0",
        "A unit that becomes free is offered to incidents that are short of what it can do, and no "
        "longer to those whose recommendation waits for an operator.",
    ),
    Change(
        "0.3.0",
        "If an operator sends the recommended units, the timeline has a line with the confirmed "
        "recommendation.",
    ),
    Change(
        "0.3.0",
        "The answer to a command repeats what was asked.",
    ),
    Change(
        "0.3.0",
        "After an unmerge, an incident's state follows the stamps that its units made while it was "
        "merged; an operator cannot set it back to dispatched while a unit is there.",
    ),
    Change(
        "0.3.0",
        "An unmerge ends no hold, and an alert ends with its cause: a question to send a unit that "
        "has gone, and a unit too many that has arrived.",
    ),
    Change(
        "0.3.0",
        "A new incident waits for worse ones that are short of the same units, where so many units "
        "became free that not all could be looked at in one entry.",
    ),
    Change(
        "0.3.0",
        "Timeline lines, alerts, placed evidence, assignments, refusals and previews hold codes "
        "with values in place of English sentences.",
    ),
    Change(
        "0.4.0",
        "A unit that an operator is asked to send, and that goes elsewhere or out of service, is "
        "replaced in the recommendation at once.",
    ),
    Change(
        "0.4.0",
        "A unit that is back in the fleet serves again, and a street condition that is replaced by "
        "a later one no longer holds now: ways are found again.",
    ),
    Change(
        "0.4.0",
        "The second reader's opinion of a report is a journal entry of its own: it may name an "
        "unread incident, raise a severity or ask an operator; it lowers nothing and calls nobody "
        "back.",
        "docs/triage.md",
    ),
    Change(
        "0.4.0",
        "A report of no kind (category other) joins no incident of another kind unasked, nor the "
        "other way round: an operator is asked, and help for what was read waits for no answer.",
        "docs/decisions/0013-unread-is-not-harmless.md",
    ),
    Change(
        "0.4.0",
        "Nobody is sent to a report of which nothing was read (severity unknown), and an alert "
        "asks for it to be read, until an operator gives it a severity.",
        "docs/decisions/0013-unread-is-not-harmless.md",
    ),
    Change(
        "0.4.0",
        "A merge of an incident of no kind with one of a kind takes the kind that was read.",
        "docs/decisions/0013-unread-is-not-harmless.md",
    ),
    Change(
        "0.4.0",
        "Evidence of a known datastream joins its open incident at once only if it tells of the "
        "same or a related category, from where the datastream told of it before.",
    ),
    Change(
        "0.4.0",
        "What a new policy's plan asks for beyond an earlier one is also looked for where an "
        "incident was short of something before.",
    ),
    Change(
        "0.4.0",
        "Why an alert ended, and how evidence was read, are codes with values in place of English "
        "sentences.",
    ),
    Change(
        "0.4.0",
        "Evidence whose source is neither a report nor a sensor is no entry that can be used.",
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
        Software names (``infra.software``) by the first offset that each decided.
    first
        The first replayed offset. Older ledgers do not record which software decided it; then
        all changes count.
    software
        The software that replays; None for this one.
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
