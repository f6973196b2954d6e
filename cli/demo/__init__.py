"""``jingwei demo``: simulate a city into Kafka, and show the incidents it causes.

====================  ====================================================================
module                what it does
====================  ====================================================================
``command``           the command and its order of events
``cities``            the city's folder: made, imported, or kept from an earlier run
``processes``         start, watch, restart and stop worker and archive
``shift``             bring the fleet to the start of a shift
``log``               ends of the topics' partitions, and how far they have been read
``observer``          an outside subscriber that records when assignments arrive
``player``            the simulated city, on a separate thread
``telling``           timeline lines for people who see Jingwei for the first time
``summary``           counts and times of the run, and whether the invariants hold
``errors``            the package's errors
====================  ====================================================================
"""

from cli.demo.command import register

__all__ = ["register"]
