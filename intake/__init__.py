"""What makes evidence of a message's value: pure, without a clock, Kafka or SQL.

::

    readings = Readings(city, limits)
    opened = readings.open(message)                        # anything with value and headers
    seen = readings.take(opened, arrived, known.get(opened.payload.datastream))
    known[opened.payload.datastream] = seen.datastream     # what is remembered is the caller's
    entries = [noted(evidence, region) for evidence in seen.evidence]

Whatever cannot be used raises `BadInput` with its reason. The time of arrival comes in as an
argument, and so does what is remembered; nothing here is changed by a message.

=============  ==========================================================================
module         what it does
=============  ==========================================================================
``readings``   `Readings`: a sensor's readings, watched for alarms and for silence
``reports``    `Reports`: a citizen's report, without personal data, triaged and placed
``skimming``   `Skimmer`: those readings that change nothing, many at once
``datastreams``  `Datastreams`: what is remembered of them, as columns
``positions``  `Positions`: a unit's fix, and whether the core should know of it
``status``     `Stamps`: a unit's status stamp as a journal entry
``streets``    `Streets`: a street's condition as a journal entry
``evidence``   `noted(evidence, region)`: the journal entry of evidence
``fencing``    `FollowedUnits`: units that enter and leave fences, as intake follows them
``fence_watch``  `FenceWatch.follow`, `FenceTerms`: units among a city's fences
``validate``   `open_message`, `Checker`: envelopes, ids, texts, times, places
``limits``     `IntakeLimits`: how far what comes in is trusted
``detection``  from a series of readings to alarms
``triage``     from a citizen's words to category, severity and confidence
``set_back``   when a source's clock was set back
``privacy``    personal data in free text, found and taken out
``places``     `locate`: the fences around a point, and the place in words
``errors``     `BadInput` and the codes of its faults
=============  ==========================================================================
"""

from intake.datastreams import Datastream, Datastreams
from intake.errors import BadInput, Fault, IntakeError
from intake.evidence import noted
from intake.limits import IntakeLimits
from intake.positions import LastMove, Located, Positions
from intake.readings import FellSilent, Observed, Readings
from intake.reports import Reported, Reports
from intake.skimming import Skimmer
from intake.status import Stamps
from intake.streets import Streets
from intake.validate import Opened, open_message

__all__ = [
    "BadInput",
    "Datastream",
    "Datastreams",
    "Fault",
    "FellSilent",
    "IntakeError",
    "IntakeLimits",
    "LastMove",
    "Located",
    "Observed",
    "Opened",
    "Positions",
    "Readings",
    "Reported",
    "Reports",
    "Skimmer",
    "Stamps",
    "Streets",
    "noted",
    "open_message",
]
