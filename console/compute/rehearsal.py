"""What another policy would change, tried on a core that goes on from what the ledger has."""

import asyncio
from collections.abc import Sequence

import msgspec

from console.compute.cities import Cities, now
from console.compute.errors import Unanswerable
from console.compute.shapes import Rehearsal
from dispatch import Region
from infra.ledger.pool import connect, reading
from infra.ledger.snapshot import load_snapshot
from schemas import codes
from schemas.admission import policy_fault
from schemas.journal import PolicyChanged
from schemas.policy import Policy, ResponsePlan
from schemas.records import Reason
from schemas.snapshot import Snapshot
from schemas.words import because

__all__ = ["rehearse_policy"]


def rehearse_policy(
    cities: Cities, region: str, policy: Policy | None, plans: Sequence[ResponsePlan] | None
) -> Rehearsal:
    """Return what would be different if a policy came into force now.

    Parameters
    ----------
    policy, plans
        One of them: a whole policy, or response plans that replace those of the same category
        and severity in the policy in force.
    """
    town = cities.of(region)
    snapshot = asyncio.run(_snapshot(cities.url, region))
    if snapshot is None:
        raise Unanswerable("not-found", "there is no such region")
    known = snapshot.policy or codes.default_policy()
    wanted = policy or _with_plans(known, plans or ())
    fault = policy_fault(wanted)
    if fault is not None:
        raise Unanswerable("invalid", f"policy: {fault}")
    core = Region.restore(snapshot, town.routers)
    entry = PolicyChanged(id="rehearsal", region=region, policy=wanted)
    at = now() if snapshot.clock is None else max(snapshot.clock, now())
    return Rehearsal(
        region=region,
        at=snapshot.clock,
        policy=wanted.version,
        instead_of=known.version,
        changes=_changes(core.rehearse(entry, at)),
    )


def _with_plans(known: Policy, plans: Sequence[ResponsePlan]) -> Policy:
    others = {(plan.category, plan.severity): plan for plan in known.plans}
    others |= {(plan.category, plan.severity): plan for plan in plans}
    return msgspec.structs.replace(
        known, plans=tuple(others.values()), version=f"{known.version}+rehearsal"
    )


def _changes(told: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return what would change; a recommendation that is only said again is nothing."""
    changed = tuple(one for one in told if one.code != "would_say")
    return changed or (because("would_change_nothing"),)


async def _snapshot(url: str, region: str) -> Snapshot | None:
    connection = await connect(url, application="jingwei-gateway")
    try:
        async with reading(connection) as conn:
            return await load_snapshot(conn, region)
    finally:
        await connection.close()
