"""The region's core: entries in, effects out; pure, deterministic, without I/O.

=================  ==========================================================================
module             what it does
=================  ==========================================================================
``region``         `Region.apply(entry, at) -> effects`
``state``          `State`: the memory; every change is also an effect
``lifecycle``      the transition tables of incidents and units
``invariants``     what must hold after every entry
``notice``         from evidence to an incident: attach, open, or open and ask
``named``          an incident of no kind was named: is it one that is known already?
``nearby``         the incidents that evidence may belong to
``candidates``     `Candidates`: their index, by kind, place and time
``correlation``    `Correlator`: whether evidence belongs to a known incident
``unread``         reports of no kind: who is sent, and what they are never joined to
``understanding``  an incident's category, severity and place, from its evidence
``advice``         what the second reader's opinion adds to that
``opinions``       the second reader's opinion is taken in, or an operator is asked
``families``       the same, with all that was merged into it
``notes``          `Notes`: what is remembered of evidence
``merging``        two incidents are one event, or are not after all
``splitting``      evidence is of another event
``incidents``      how incidents change, with a line of their timeline
``marks``          `Marks`: what an entry has touched
``settle``         `settle`: once an entry, for all that is marked
``demand``         what an incident still lacks, and whether it waits for an operator
``plans``          who a response plan asks for, and what is missing
``assignment``     `Assigner`, `View`, `Demand`, `Move`: who goes where; `FewestSeconds`
``assigners``      which assigner a policy names
``together``       `JointAssigner`: all incidents together, units on their way included
``joint``          which unit for which slot, at the least cost
``costs``          what it costs that a unit comes late, or nobody
``coverage``       how well the next calls are covered: `Cover`
``covers``         the cover of each kind of unit, worked out once
``standby``        where units wait that have become free
``matching``       the cheapest assignment of rows to columns
``under_way``      units that are on their way and may be sent elsewhere
``question``       what an assigner is asked, and whether its answer is one
``sending``        units are sent, called back, led another way
``shortage``       what an incident is short of
``looks``          the short incidents that are looked at when units become free
``travel``         travel times, with the streets as they are now
``asked``          what the router has answered, so that it is asked once
``timers``         what happens when something has not happened
``stamps``         positions and status stamps of units
``commands``       what operators ask for
``preview``        what a command would change
``streets``        closures, slow-downs and water
``fleet``          a change of fleet or city
``published``      `published`: what subscribers hear of the effects
``indexes``        `Ordered`, `Shelf`: sorted and spatial indexes
``errors``         `DispatchError`: `Refused`, `WrongMove`, `WrongRegion`, `InvariantBroken`
=================  ==========================================================================
"""

from dispatch.region import Region

__all__ = ["Region"]
