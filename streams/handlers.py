"""The handlers of a worker: one for each input topic and one for the journal."""

from atlas.city import CityData
from infra.vault import Vault
from streams.arrivals import Now
from streams.dispatcher import Dispatcher
from streams.handler import Handler
from streams.intake_positions import PositionsIntake
from streams.intake_readings import ReadingsIntake
from streams.intake_reports import ReportsIntake
from streams.intake_status import StatusIntake
from streams.intake_streets import StreetsIntake
from streams.limits import IntakeSettings


def make_handlers(
    city: CityData, limits: IntakeSettings, now: Now, dispatcher: Dispatcher, vault: Vault
) -> list[Handler]:
    """Return a worker's handlers; a topic without one is never read."""
    return [
        ReadingsIntake(city, limits, now),
        ReportsIntake(city, limits, vault, now),
        PositionsIntake(city, limits, now),
        StatusIntake(city, limits, now),
        StreetsIntake(city, now),
        dispatcher,
    ]
