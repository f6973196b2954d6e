"""What the gateway works out itself: places, readings of texts, likely duplicates, ways.

All of it is done in processes of its own, which hold the cities in force. So neither a city that
is loaded nor a search through its streets keeps the gateway from answering others, and the
gateway's own process holds no map::

    found = await compute.ask("places", "南京西路", "WGS-84", 10)     # JSON in bytes

===============  ==========================================================================
module           what it holds
===============  ==========================================================================
``pool``         `Compute`: the processes, started when first asked, replaced with the city
``errors``       `Unanswerable`: why a question has no answer
``shapes``       the shapes of the answers
``worker``       one process: cities in, answers out
``jobs``         `JOBS`: the questions by name
``cities``       `Cities`, `Town`: a region's city with its indexes and routers
``name_index``   `NameIndex`: names that are like what was typed
``coordinates``  coordinates as people type them
``places``       search for a place by name, and the names of a point
``reports``      triage of a text, a report, stamp or condition tried as intake would take it
``drawn``        streets under what was drawn on a map
``duplicates``   incidents that a report may belong to, as correlation scores them
``ways``         routes and isochrones
``candidates``   who could go to an incident
``rehearsal``    what another policy would change
===============  ==========================================================================

Only ``pool``, ``errors`` and ``shapes`` are for the gateway's process; the rest is loaded by
``worker``. What decides is intake's and the core's own code.
"""

from console.compute.pool import Compute

__all__ = ["Compute"]
