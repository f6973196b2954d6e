"""What people call incidents, evidence and units, as the ids that a command carries."""

import asyncpg
import msgspec

from infra.ledger.queries import find_evidence, find_incident, find_unit, get_incident
from schemas import journal
from schemas.records import Incident


async def resolve(
    conn: asyncpg.Connection, incident: str, action: journal.Action
) -> tuple[Incident, journal.Action]:
    """Return the incident meant, and the action with the ids of what else it names.

    Parameters
    ----------
    incident
        An id, a number, or a unique part of either; so are the incidents that ``action`` names.
        Units are named by their id, with or without the region before it, or by their name;
        evidence by its id or a beginning of it, or by its report's or sensor's id.

    Raises
    ------
    NotFound, Ambiguous
        If there is none such, or more than one.
    """
    found = await get_incident(conn, await find_incident(conn, incident))
    match action:
        case journal.Merge():
            into = await find_incident(conn, action.into)
            return found, msgspec.structs.replace(action, into=into)
        case journal.Split():
            goal = None if action.into is None else await find_incident(conn, action.into)
            evidence = [await find_evidence(conn, found.id, name) for name in action.evidence]
            named = tuple(dict.fromkeys(evidence))
            return found, msgspec.structs.replace(action, into=goal, evidence=named)
        case journal.Assign() | journal.Override() | journal.Unassign():
            units = [await find_unit(conn, found.region, name) for name in action.units]
            return found, msgspec.structs.replace(action, units=tuple(units))
    return found, action
