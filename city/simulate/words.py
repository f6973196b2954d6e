"""Texts of reports: an event in ordinary words, with the place in words, in two languages.

The sentences are data (``phrases.json``: category, language, sentences with ``{place}``).
"""

from functools import cache
from importlib.resources import files
from random import Random

import msgspec

from city.simulate.setting import Site

__all__ = ["LANGUAGES", "contact", "findable", "phrases", "say", "speaks_chinese", "whereabouts"]

LANGUAGES = ("zh", "en")

_COMPOUNDS = ("阳光花园", "金茂苑", "锦绣里", "和平新村", "嘉园", "海棠公寓")
_HURRY = {
    "zh": ("，快一点！", "，情况紧急", "，请马上来人", "！！", "，越来越严重了"),
    "en": (", please hurry", ", it is urgent", "!!", ", it is getting worse", ", come quickly"),
}
_NAMES = {
    "zh": ("张三丰收", "李测试", "王模拟", "赵样例", "陈虚构", "孙假名"),
    "en": ("Test Citizen", "Alex Example", "Sam Sample", "Jo Fictional"),
}
_HURRIES = 0.25
_FINDABLE_M = 40.0


@cache
def phrases() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the sentences by category and language."""
    data = files("city.simulate").joinpath("phrases.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, dict[str, tuple[str, ...]]])


def say(rng: Random, category: str, language: str, place: str) -> str:
    """Return a sentence about an event of a category at a place in words."""
    text = rng.choice(phrases()[category][language]).format(place=place)
    text = " ".join(text.split()).replace(" ,", ",").strip(" ,，")
    return text + rng.choice(_HURRY[language]) if rng.random() < _HURRIES else text


def findable(site: Site) -> bool:
    """Whether the words alone are enough to find the site, if one knows the city."""
    return site.near_m <= _FINDABLE_M or (bool(site.crossing) and site.crossing_m <= _FINDABLE_M)


def whereabouts(
    rng: Random, site: Site, language: str, *, indoors: bool = False, precise: bool = False
) -> str:
    """Return the place in words, to follow a verb (``en``) or to begin a sentence (``zh``).

    Parameters
    ----------
    indoors
        Whether houses and floors may be named.
    precise
        Whether the words are the only location: then name only places within 40 m.
    """
    choices = _exact(site, language) if precise else _usual(rng, site, language, indoors=indoors)
    return rng.choice(choices).strip() if choices else {"zh": "这里", "en": "here"}[language]


def speaks_chinese(site: Site) -> bool:
    """Whether the names around are Chinese, and so probably the citizens."""
    return any(_is_chinese(letter) for letter in site.street + site.near)


def _exact(site: Site, language: str) -> list[str]:
    told = _Told(site, language)
    if site.near_m <= _FINDABLE_M:
        return [told.door, told.near_on_street] if site.street else [told.door]
    if site.crossing and site.crossing_m <= _FINDABLE_M:
        return [told.corner]
    return []


def _usual(rng: Random, site: Site, language: str, *, indoors: bool) -> list[str]:
    told = _Told(site, language)
    number, house, floor = rng.randrange(1, 1800), rng.randrange(1, 30), rng.randrange(2, 25)
    choices = [told.flat(rng.choice(_COMPOUNDS), house, floor)] if indoors else []
    if indoors and site.street:
        choices.append(told.lane(number, house, floor))
    if site.street:
        choices += [told.number(number), told.on_street]
    if site.street and site.near:
        choices += [told.near_on_street] * 2
    if site.near:
        choices.append(told.nearby)
    if site.crossing:
        choices.append(told.corner)
    return choices


class _Told:
    """The ways to name a site in one language."""

    def __init__(self, site: Site, language: str) -> None:
        self._zh = language == "zh"
        name = _apart if self._zh else str
        self._street, self._crossing = name(site.street), name(site.crossing)
        self._near = name(site.near if self._zh or not site.near_en else site.near_en)

    @property
    def door(self) -> str:
        return f"{self._near}门口" if self._zh else f"right at {self._near}"

    @property
    def nearby(self) -> str:
        return f"{self._near}附近" if self._zh else f"near {self._near}"

    @property
    def on_street(self) -> str:
        return f"{self._street}上" if self._zh else f"on {self._street}"

    @property
    def near_on_street(self) -> str:
        street, near = self._street, self._near
        return f"{street}近{near}" if self._zh else f"on {street} near {near}"

    @property
    def corner(self) -> str:
        street, other = self._street, self._crossing
        return f"{street}{other}路口" if self._zh else f"at the corner of {street} and {other}"

    def number(self, number: int) -> str:
        return f"{self._street}{number}号" if self._zh else f"at {number} {self._street}"

    def lane(self, number: int, house: int, floor: int) -> str:
        if self._zh:
            return f"{self._street}{number}弄{house}号{floor}楼"
        return f"at {number} {self._street}, floor {floor}"

    def flat(self, compound: str, house: int, floor: int) -> str:
        if self._zh:
            return f"{compound}{house}号楼{floor}楼"
        return f"at {compound}, building {house}, floor {floor}"


def _apart(name: str) -> str:
    """Return a name for a Chinese text; a name in other letters is put between spaces."""
    return name if not name or _is_chinese(name[-1]) else f" {name} "


def _is_chinese(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"


def contact(rng: Random, language: str) -> tuple[str, str]:
    """Return a name and a phone number that nobody has.

    Numbers in mainland China never begin with 000; 555-01xx is reserved for fiction in North
    America.
    """
    number = rng.randrange(10_000)
    phone = f"000-0000-{number:04d}" if language == "zh" else f"+1-202-555-01{number % 100:02d}"
    return rng.choice(_NAMES[language]), phone
