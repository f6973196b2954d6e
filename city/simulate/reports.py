"""Citizens' reports of an event: channel, words, accuracy, repeats.

Shares are rough but realistic: phone channels of the category's service, applications that use
GCJ-02 or BD-09, callers without coordinates, some who call twice, a few who are wrong.
"""

from random import Random

import msgspec

from city.simulate.setting import Setting, Site, offset, scattered
from city.simulate.words import LANGUAGES, contact, findable, say, speaks_chinese, whereabouts
from geo.crs import Crs, from_wgs84
from schemas.codes import category as category_row

__all__ = ["Again", "Report", "prank_report", "reports_of"]

_PHONES = {
    "fire": "119",
    "explosion": "119",
    "chemical_spill": "119",
    "structure_collapse": "119",
    "lift_entrapment": "119",
    "water_rescue": "110",
    "medical": "120",
    "traffic_crash": "110",
    "public_disorder": "110",
    "crowd_crush": "110",
}
_CONFUSED = {
    "fire": "air_pollution",
    "explosion": "fire",
    "chemical_spill": "gas_leak",
    "gas_leak": "air_pollution",
    "traffic_crash": "road_obstruction",
    "medical": "public_disorder",
    "flood": "pipe_burst",
    "pipe_burst": "flood",
    "storm_damage": "road_obstruction",
    "structure_collapse": "explosion",
    "lift_entrapment": "power_outage",
    "water_rescue": "medical",
    "crowd_crush": "public_disorder",
    "public_disorder": "medical",
    "manhole_hazard": "road_obstruction",
    "power_outage": "lift_entrapment",
    "road_obstruction": "traffic_crash",
    "air_pollution": "gas_leak",
}
_INDOORS = {"fire", "gas_leak", "medical", "lift_entrapment", "power_outage", "explosion"}
_HOW_MANY = ((1, 25), (2, 30), (3, 25), (4, 12), (5, 8))
_CHINESE, _CHINESE_ABROAD = 0.75, 0.1
_ADDRESS_TOO = 0.25
_ADDRESS_APART = 0.5
_CODED_ON_THE_PHONE, _CODED_ELSEWHERE = 0.3, 0.6
_NAMED, _CALLABLE = 0.5, 0.7
_ACCURACY_KNOWN = 0.6
_RETRIED = 0.5
_WRONG_PLACE = 0.04
_WRONG_CATEGORY = 0.04
_WITHOUT_COORDINATES = 0.25
_TWICE = 0.12
_LEAST_ERROR_M, _MOST_ERROR_M = 5.0, 40.0
_WRONG_LEAST_M, _WRONG_MOST_M = 1_500.0, 5_000.0


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """A repeat of a report: the identical message, or a new message with the same id."""

    at_s: float
    same_event: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One citizen's report; fields as in ``inputs.CitizenReport``.

    Attributes
    ----------
    id
        Id within the run, such as ``E0001-R1``.
    at_s
        Seconds since the play began.
    lon, lat
        Degrees in ``crs``; None if the place is in words only.
    wrong
        None, ``place``, ``category`` or ``prank``.
    """

    id: str
    at_s: float
    description: str
    channel: str
    service_code: str | None = None
    lon: float | None = None
    lat: float | None = None
    crs: str = "WGS-84"
    accuracy_m: float | None = None
    address_string: str | None = None
    name: str | None = None
    phone: str | None = None
    wrong: str | None = None
    again: tuple[Again, ...] = ()


def reports_of(
    rng: Random, setting: Setting, event: str, category: str, *, site: Site, at_s: float
) -> tuple[Report, ...]:
    """Return one to five citizens' reports of an event; the first one is never wrong."""
    numbers, weights = zip(*_HOW_MANY, strict=True)
    how_many = rng.choices(numbers, weights)[0]
    found = [_report(rng, f"{event}-R1", category, site, at_s + rng.uniform(1.0, 12.0))]
    for number in range(2, how_many + 1):
        chance = rng.random()
        wrong = None
        if chance < _WRONG_PLACE:
            wrong = "place"
        elif chance < _WRONG_PLACE + _WRONG_CATEGORY:
            wrong = "category"
        said = _CONFUSED[category] if wrong == "category" else category
        seen = _elsewhere(rng, setting, site) if wrong == "place" else site
        delay = rng.uniform(2.0, 12.0) + rng.expovariate(1 / 8.0)
        found.append(
            _report(rng, f"{event}-R{number}", said, seen, at_s + min(delay, 45.0), wrong=wrong)
        )
    return tuple(sorted(found, key=lambda report: report.at_s))


def prank_report(rng: Random, event: str, category: str, site: Site, at_s: float) -> Report:
    """Return a report of an event that did not happen."""
    return _report(rng, f"{event}-R1", category, site, at_s, wrong="prank")


def _report(
    rng: Random, key: str, category: str, site: Site, at_s: float, *, wrong: str | None = None
) -> Report:
    chinese = _CHINESE if speaks_chinese(site) else _CHINESE_ABROAD
    language = LANGUAGES[0] if rng.random() < chinese else LANGUAGES[1]
    phone_line = _PHONES.get(category, "12345")
    channel = rng.choices(("app", "web", phone_line), (40, 10, 50))[0]
    words_only = wrong is None and findable(site) and rng.random() < _WITHOUT_COORDINATES
    if words_only:
        place, address = _in_words(rng, site, language)
        position: dict[str, float | str] = {}
    else:
        indoors = category in _INDOORS
        place = whereabouts(rng, site, language, indoors=indoors)
        address = None
        if rng.random() < _ADDRESS_TOO:
            address = whereabouts(rng, site, language, indoors=indoors)
        position = _measured(rng, site)
    name, phone = contact(rng, language)
    known = rng.random()
    coded = _CODED_ON_THE_PHONE if channel == phone_line else _CODED_ELSEWHERE
    return Report(
        id=key,
        at_s=at_s,
        description=say(rng, category, language, place),
        channel=channel,
        service_code=category_row(category).open311_service_code if rng.random() < coded else None,
        address_string=address,
        name=name if known < _NAMED else None,
        phone=phone if known < _CALLABLE else None,
        wrong=wrong,
        again=_again(rng, at_s),
        **position,  # type: ignore[arg-type]
    )


def _in_words(rng: Random, site: Site, language: str) -> tuple[str, str | None]:
    """Return the place in the sentence, and the address; one of the two is exact."""
    exact = whereabouts(rng, site, language, precise=True)
    if rng.random() >= _ADDRESS_APART:
        return exact, None
    return {"zh": "这里", "en": "here"}[language], exact


def _measured(rng: Random, site: Site) -> dict[str, float | str]:
    """Return coordinates with an error of 5 to 40 m, in the system of the caller's map."""
    lon, lat = scattered(rng, site.lon, site.lat, _LEAST_ERROR_M, _MOST_ERROR_M)
    found: dict[str, float | str] = {}
    crs = rng.choices((Crs.WGS84, Crs.GCJ02, Crs.BD09), (62, 26, 12))[0]
    shifted = from_wgs84(lon, lat, crs)
    if shifted != (lon, lat):  # outside China maps use WGS-84
        (lon, lat), found["crs"] = shifted, crs.value
    found["lon"], found["lat"] = round(lon, 6), round(lat, 6)
    if rng.random() < _ACCURACY_KNOWN:
        found["accuracy_m"] = float(rng.randrange(15, 50))
    return found


def _elsewhere(rng: Random, setting: Setting, site: Site) -> Site:
    """Return a place kilometres away that the caller confuses with the site."""
    far = scattered(rng, site.lon, site.lat, _WRONG_LEAST_M, _WRONG_MOST_M)
    for _ in range(20):
        if setting.inside(*far):
            break
        far = scattered(rng, site.lon, site.lat, _WRONG_LEAST_M, _WRONG_MOST_M)
    lon, lat = far if setting.inside(*far) else offset(site.lon, site.lat, 0.0, _WRONG_LEAST_M)
    return setting.at(lon, lat)


def _again(rng: Random, at_s: float) -> tuple[Again, ...]:
    if rng.random() >= _TWICE:
        return ()
    return (Again(at_s=at_s + rng.uniform(1.0, 12.0), same_event=rng.random() < _RETRIED),)
