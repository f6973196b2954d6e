"""What triage could not read: no kind (category ``other``), or nothing at all (no severity either).

Such a report may be of anything, so the core takes nothing for granted about it:

* Nobody is sent to an incident of which nothing was read (severity ``unknown``), and no unit is
  recommended, until an operator says what it is. An alert asks for that at once.
* A report of no kind is never joined unasked to an incident of another kind, and a report of
  another kind never to an incident of no kind: neither gives the other its category. The most that
  follows is the question whether they are the same event, and help for what was read waits for no
  answer to it.
* Among themselves, reports of no kind are joined unasked in two cases. Both tell how bad it is, and
  the response plan asks for the same units: then nobody is kept from help, and fifty callers of one
  shooting bind one ambulance. Or nothing was read in a report, and its own reporter told of the
  incident before.

An operator's word is a corrected category or severity, a merge, or evidence moved by a split.
"""

from dispatch.plans import requirements
from schemas.kinds import OTHER, UNKNOWN
from schemas.policy import Kinds, Policy
from schemas.records import Evidence, Incident, Note


def is_unread(incident: Incident) -> bool:
    """Tell whether nobody has read yet what an incident is about: nobody is sent to it unasked."""
    return incident.severity == UNKNOWN


def is_joined_unasked(
    evidence: Evidence, incident: Incident, policy: Policy, *, repeats: bool
) -> bool:
    """Tell whether evidence may join an incident without an operator's word.

    Parameters
    ----------
    evidence, incident
        As far as their kinds are concerned; places and times are judged elsewhere.
    policy
        Its plans say which severities ask for the same units.
    repeats
        Whether the evidence's reporter told of this incident before.
    """
    if OTHER not in (evidence.category, incident.category):
        return True
    if evidence.category != incident.category:
        return False
    if has_nothing(evidence, policy.kinds):
        return repeats
    if has_nothing(incident, policy.kinds):
        return False
    plans = (requirements(policy, OTHER, one.severity) for one in (evidence, incident))
    return len(set(plans)) == 1


def has_nothing(one: Evidence | Note | Incident, kinds: Kinds) -> bool:
    """Tell whether nothing was read, neither kind nor severity.

    Triage of before 0.4.0 gives such a report the least severity, and next to no confidence.
    """
    unsure = one.category == OTHER and one.confidence < kinds.unread_below
    return one.severity == UNKNOWN or unsure


def is_urgent(evidence: Evidence, policy: Policy) -> bool:
    """Tell whether help for evidence may not wait for an answer about something of no kind.

    What was read may not, nor a danger to life of no kind. Where nothing was read nobody is sent,
    so that nothing has to wait.
    """
    severities = (UNKNOWN, *policy.life.kindless_severities)
    return evidence.category != OTHER or evidence.severity in severities
