"""The simulated city: events, sensors, citizens, crews, and an operator at the console.

It is the outside world and knows nothing about how Jingwei decides. It writes to the input topics
like sensors, citizens and crews, reads the output topics like their terminals, and records the
true events, for ``city.score`` to compare with the ledger.

===============  ==========================================================================
module           what it holds
===============  ==========================================================================
``play``         `play`, `Options`: everything together, in wall time
``world``        `happenings`: true events and false alarms by seed; pure
``setting``      `Setting`: streets, places and sensors as people know them; pure
``reports``      citizens' reports of an event: channel, accuracy, repeats; pure
``words``        texts of reports, in two languages (``phrases.json``); pure
``background``   the calm series of sensors; pure
``malformed``    malformed input of every kind; pure
``agenda``       actions by due time
``clock``        the play's clock
``instruments``  sensors send their readings
``citizens``     citizens send their reports
``fleet``        units turn out, drive, work and come home
``drive``        moving along a line in a given time
``closures``     streets close and open
``console``      the simulated operator
``radio``        the crews' radio from the scene
``mail``         messages of outside producers
``post``         send to and receive from Kafka
``truth``        `TruthLine`, `read_truth`: the true events as JSON lines
``errors``       `SimulationError`: `BrokerSilent`, `TopicsMissing`
===============  ==========================================================================
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
