"""``jingwei demo``: a city played into Kafka, and incidents coming out of it.

====================  ====================================================================
module                what it does
====================  ====================================================================
``command``           the command and its order of events
``cities``            the city's folder: made, imported, or kept from the last time
``processes``         worker and archive, started, watched, started again, ended
``shift``             the fleet as at the start of a shift
``log``               how far the topics' partitions reach, and what has been read of them
``observer``          an outside subscriber that notes when assignments come out
``player``            the simulated city, on a thread of its own
``telling``           timeline lines for someone who has never seen Jingwei
``summary``           what the run amounted to, and whether the invariants hold
``errors``            the package's errors
====================  ====================================================================
"""

from cli.demo.command import register

__all__ = ["register"]
