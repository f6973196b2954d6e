"""The region's core: entries in, effects out; pure, deterministic, without I/O.

==================  ====================================================================
module              what it decides
==================  ====================================================================
``region``          `Region.apply(entry, at) -> effects`
``state``           the memory; every change is also an effect
``transitions``     the transition tables of incidents and units
``notice``          from evidence to an incident
``nearby``          which incidents evidence may belong to
``notes``           what is remembered of evidence, by incident
``understanding``   what an incident is taken for, from its evidence
``correlation``     whether evidence belongs to a known incident (`Correlator`)
``respond``         from an incident to units on their way
``plans``           who a response plan asks for, and what is missing
``assignment``      who goes (`Assigner`)
``travel``          how long units need, with the streets as they are now
``stamps``          positions and status stamps of units
``commands``        what operators ask for
``merging``         two incidents are one, or are not after all
``splitting``       evidence is of another event
``preview``         what a command would change
``settle``          work for units that became free, once an entry
``indexes``         what `State` finds its records by
``timers``          what happens when something has not happened
``streets``         closures and slow-downs
``fleet``           a change of fleet or city
``triage``          from a citizen's words to category, severity and confidence
``detection``       from a series of readings to alarms
==================  ====================================================================
"""

from dispatch.region import Region

__all__ = ["Region"]
