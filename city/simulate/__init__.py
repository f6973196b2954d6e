"""The simulated city: what happens, who notices, who drives, and a person at the console.

It is the outside world and knows nothing of how Jingwei decides: it produces to the input
topics as sensors, citizens and crews would, hears the output topics as their terminals would,
and writes down what was true, for ``city.score`` to compare with the ledger.

====================  ================================================================
module                what it holds
====================  ================================================================
``world``             pure: true events and false alarms by seed, kept apart
``setting``           pure: the city's streets, places and sensors as people know them
``reports, words``    pure: who reports what, in which words (``phrases.json``), how exactly
``background``        pure: the sensors' calm series
``malformed``         pure: messages that no reader can use
``agenda, clock``     what is due when
``instruments``       sensors send their readings
``citizens``          people send their reports
``fleet, drive``      units turn out, drive, work, come home
``closures``          streets close and open
``console, radio``    the simulated operator, and what crews tell
``mail, post``        messages, and the way to and from Kafka
``truth``             what really happened, as JSON lines
``play``              all of it together, in wall time
====================  ================================================================
"""

from city.simulate.errors import BrokerSilent, SimulationError, TopicsMissing
from city.simulate.play import Options, play
from city.simulate.setting import Setting
from city.simulate.truth import TruthLine, read_truth
from city.simulate.world import Event, happenings

__all__ = [
    "BrokerSilent",
    "Event",
    "Options",
    "Setting",
    "SimulationError",
    "TopicsMissing",
    "TruthLine",
    "happenings",
    "play",
    "read_truth",
]
