"""Who may drive along a way, by its tags: everybody, emergency crews only, or nobody.

Civilians follow OpenStreetMap's wiki ("Key:access", "Key:oneway") as OSRM's test suite reads it
(``features/car/access.feature`` and ``oneway.feature``):

- The tag for the narrowest class of vehicles decides: ``motorcar``, ``motor_vehicle``,
  ``vehicle``, ``access``; of one class, the tag for the direction (``:forward``,
  ``:backward``). One-way tags are ordered alike.
- Of a list ("agricultural;forestry") the most open value counts; an unknown value is open.
- Grounds of others (``private``, ``permit``, ``residents``) are closed. OSRM opens them as the
  first or last street of a route, which a map cannot say here; ``destination``, ``delivery`` and
  ``customers`` are open.
- Ways for people on foot and bicycles, tracks and busways are closed, unless a tag for vehicles
  opens them. OSRM lets ``access=yes`` open a footway to cars, too; here it does so only for tracks.
- A reversible street is closed, since nobody knows in which direction it is open; one with
  alternating traffic is open in both.

Crews drive wherever a vehicle gets through:

- on all streets for cars, whoever they are closed to (``motor_vehicle=no``, ``access=private``),
  but not where ``access=no`` is all that is said: that is a building site as often as a street;
- on pedestrian streets, busways and tracks, and on paths that some motor vehicle may use or that
  have ``emergency=yes``;
- in both directions of a reversible street, and against a one-way street in a lane for buses or
  for them (``oneway:bus=no``, ``busway=opposite_lane``, ``psv:backward=yes``), as fast as along it.

``emergency=no`` closes to crews what is closed to others; ``smoothness=impassable`` closes to all.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

__all__ = ["CLASSES", "DRIVABLE", "Direction", "Use", "User", "emergency_of", "opens", "use_of"]

Direction = Literal["forward", "backward"]
User = Literal["all", "emergency"]
"""For whom an arc is open."""
Openness = Literal["open", "owners", "closed"]

_THROUGH = ("motorway", "trunk", "primary", "secondary", "tertiary")
DRIVABLE: Final = frozenset(
    (
        *_THROUGH,
        *(f"{highway}_link" for highway in _THROUGH),
        *("unclassified", "residential", "living_street", "service", "road"),
    )
)
"""Classes of ways that are streets for cars."""
_CREWS_TOO: Final = frozenset(("pedestrian", "busway", "track"))
_PATHS: Final = frozenset(("footway", "path", "cycleway", "bridleway"))

CLASSES: Final = ("motorcar", "motor_vehicle", "vehicle", "access")
"""Keys that say who may drive, the narrowest class of vehicles first."""
_BUSES: Final = ("psv", "bus", "share_taxi", "minibus", "taxi", "tourist_bus", "coach")
_OTHERS: Final = (
    *_BUSES,
    *("hgv", "goods", "hov", "motorcycle", "moped", "mofa", "agricultural", "forestry"),
    *("bicycle", "foot", "horse"),
)
_CLOSED: Final = frozenset(
    (
        *("no", "agricultural", "forestry", "emergency", "emergency_vehicle", "psv", "taxi"),
        *("share_taxi", "minibus", "bus", "tourist_bus", "coach", "foot", "bicycle", "horse"),
        *("restricted", "military", "official", "hgv", "goods", "dismount", "use_sidepath"),
    )
)
_OWNERS: Final = frozenset(
    ("private", "permit", "residents", "employees", "staff", "members", "key", "licence", "license")
)
# Values by which a tag for vehicles opens a way that is otherwise for others.
_PERMITTED: Final = frozenset(
    ("yes", "permissive", "designated", "motorcar", "motor_vehicle", "vehicle", "hov", "public")
)
_CREWS: Final = frozenset(("yes", "designated", "official", "permissive", "destination", "private"))
_ONE_WAY: Final = {
    **dict.fromkeys(("yes", "true", "1"), "forward"),
    **dict.fromkeys(("-1", "reverse"), "backward"),
    **dict.fromkeys(("no", "false", "0"), "both"),
    **dict.fromkeys(("reversible", "alternating"), "both"),
}
_OPPOSITE: Final = frozenset(("opposite", "opposite_lane"))
_BUSWAYS: Final = ("busway", "busway:left", "busway:right", "busway:both")
_OTHER_WAY: Final[Mapping[Direction, Direction]] = {"forward": "backward", "backward": "forward"}
_DIRECTIONS: Final[tuple[Direction, ...]] = ("forward", "backward")


class Use(NamedTuple):
    """For whom a way is open in each direction; None for nobody."""

    forward: User | None
    backward: User | None
    alternating: bool = False
    """Whether only one direction at a time may be driven, by signals or by sight."""


def use_of(tags: Mapping[str, str]) -> Use | None:
    """Read who may drive along a way; None if nobody may in either direction.

    Parameters
    ----------
    tags
        Of a way with `highway`.
    """
    if tags.get("area") == "yes" or tags.get("smoothness") == "impassable":
        return None
    oneway = _first(tags, "oneway", CLASSES[:3])
    sense = _ONE_WAY.get(oneway, "forward" if _is_ring(tags) else "both")
    crews = emergency_of(tags)
    users: list[User | None] = []
    for way in _DIRECTIONS:
        against = sense not in (way, "both")
        users.append(
            "all"
            if not against and oneway != "reversible" and _civilian(tags, way)
            else "emergency"
            if _crew(tags, way, crews, against=against)
            else None
        )
    forward, backward = users
    if forward is None and backward is None:
        return None
    return Use(forward, backward, alternating=oneway == "alternating")


def opens(tags: Mapping[str, str], direction: Direction | None = None) -> Openness | None:
    """Return how open the deciding access tag leaves a way or node to cars; None without one."""
    value = _deciding(tags, direction)[1]
    return None if value is None else _openness(value)


def emergency_of(tags: Mapping[str, str]) -> bool | None:
    """Whether the map opens (True) or closes (False) something to crews; None if it does not say.

    The key also names equipment (``emergency=fire_hydrant``), which says nothing.
    """
    values = _values(tags.get("emergency", ""))
    if any(value in _CREWS for value in values):
        return True
    return False if "no" in values else None


def _is_ring(tags: Mapping[str, str]) -> bool:
    """Whether a way is one-way without a tag that says so."""
    return tags.get("highway") == "motorway" or tags.get("junction") in ("roundabout", "circular")


def _civilian(tags: Mapping[str, str], direction: Direction) -> bool:
    key, value = _deciding(tags, direction)
    highway = tags["highway"]
    if highway in DRIVABLE:
        if tags.get("service") == "emergency_access" and value is None:
            return False
        return value is None or _openness(value) == "open"
    if highway not in _CREWS_TOO | _PATHS or value is None:
        return False
    permitted = any(each in _PERMITTED for each in _values(value))
    return permitted and (key != "access" or highway == "track")


def _crew(
    tags: Mapping[str, str], direction: Direction, crews: bool | None, *, against: bool
) -> bool:
    """Whether crews may drive in a direction; `against`: it is against a one-way street."""
    if against or _closed_this_way_only(tags, direction):
        # Driven against the sign, as all one-way streets are, unless there is a lane that way.
        return _has_lane(tags, direction, against=against)
    if _civilian(tags, direction):
        return True
    if crews is not None:
        return crews and tags["highway"] in DRIVABLE | _CREWS_TOO | _PATHS
    highway = tags["highway"]
    key, value = _deciding(tags, direction)
    if highway in DRIVABLE | _CREWS_TOO:
        only_closed = key == "access" and value is not None and set(_values(value)) == {"no"}
        return not only_closed or any(_says_yes(tags, other) for other in _OTHERS)
    if highway not in _PATHS:
        return False
    vehicles = key is not None and key != "access"
    return (vehicles and value not in (None, "no")) or any(_says_yes(tags, b) for b in _BUSES)


def _closed_this_way_only(tags: Mapping[str, str], direction: Direction) -> bool:
    """Whether a tag for the direction closes it, while the other one is open to cars."""
    key, value = _deciding(tags, direction)
    if key is None or value is None or f"{key}:{direction}" not in tags:
        return False
    return not _civilian(tags, direction) and _civilian(tags, _OTHER_WAY[direction])


def _has_lane(tags: Mapping[str, str], direction: Direction, *, against: bool) -> bool:
    """Whether buses or crews may drive in a direction that is closed to others."""
    if against:
        for key in ("oneway:emergency", "oneway:psv", "oneway:bus", "oneway:taxi"):
            if _ONE_WAY.get(tags.get(key, "")) == "both":
                return True
        if any(tags.get(key) in _OPPOSITE for key in _BUSWAYS):
            return True
    for key in ("emergency", *_BUSES):
        if _says_yes(tags, f"{key}:{direction}"):
            return True
        if tags.get(f"lanes:{key}:{direction}", "0") not in ("", "0"):
            return True
    return False


def _says_yes(tags: Mapping[str, str], key: str) -> bool:
    return any(value in _CREWS for value in _values(tags.get(key, "")))


def _deciding(
    tags: Mapping[str, str], direction: Direction | None
) -> tuple[str | None, str | None]:
    """Return key and value of the tag that decides for cars; None, None if there is none."""
    for key in CLASSES:
        value = (tags.get(f"{key}:{direction}") if direction else None) or tags.get(key)
        if value:
            return key, value
    return None, None


def _openness(value: str) -> Openness:
    """Return the most open of the values of a list."""
    values = _values(value)
    if not values or any(each not in _CLOSED | _OWNERS for each in values):
        return "open"
    return "owners" if any(each in _OWNERS for each in values) else "closed"


def _values(text: str) -> list[str]:
    return [value for part in text.split(";") if (value := part.strip().casefold())]


def _first(tags: Mapping[str, str], name: str, classes: tuple[str, ...]) -> str:
    """Return the first tag of a name for a class of vehicles, or for all; "" without one."""
    for key in (*(f"{name}:{vehicle}" for vehicle in classes), name):
        if tags.get(key):
            return tags[key].strip().casefold()
    return ""
