"""Names for generated streets, lanes and residential compounds.

They consist of syllables common in Chinese street names, so that they read and parse like real
ones; a match with a real street's name is chance.
"""

from collections.abc import Iterator
from random import Random

Name = tuple[str, str]
"""In Chinese and in English."""

_FIRST = (
    ("康", "Kang"), ("泰", "Tai"), ("永", "Yong"), ("和", "He"), ("宁", "Ning"),
    ("瑞", "Rui"), ("嘉", "Jia"), ("锦", "Jin"), ("华", "Hua"), ("文", "Wen"),
    ("景", "Jing"), ("玉", "Yu"), ("清", "Qing"), ("松", "Song"), ("柳", "Liu"),
    ("梅", "Mei"), ("竹", "Zhu"), ("云", "Yun"), ("明", "Ming"), ("德", "De"),
    ("仁", "Ren"), ("义", "Yi"), ("信", "Xin"), ("福", "Fu"), ("禄", "Lu"),
    ("广", "Guang"), ("昌", "Chang"), ("丰", "Feng"), ("盛", "Sheng"), ("荣", "Rong"),
)  # fmt: skip
_SECOND = (
    ("安", "an"), ("平", "ping"), ("江", "jiang"), ("川", "chuan"), ("山", "shan"),
    ("林", "lin"), ("源", "yuan"), ("水", "shui"), ("兴", "xing"), ("隆", "long"),
    ("阳", "yang"), ("春", "chun"), ("秋", "qiu"), ("桥", "qiao"), ("塘", "tang"),
    ("泉", "quan"), ("城", "cheng"), ("溪", "xi"), ("岭", "ling"), ("浦", "pu"),
    ("谷", "gu"), ("石", "shi"), ("新", "xin"), ("乐", "le"), ("善", "shan"),
    ("祥", "xiang"), ("贤", "xian"), ("达", "da"), ("通", "tong"), ("顺", "shun"),
)  # fmt: skip
_ENDINGS: dict[str, tuple[Name, ...]] = {
    "residential_compound": (
        ("苑", "Garden"),
        ("小区", "Estate"),
        ("新村", "New Village"),
        ("公寓", "Apartments"),
    ),
    "office_tower": (("大厦", "Tower"), ("中心", "Centre")),
    "hotel": (("酒店", "Hotel"), ("宾馆", "Guest House")),
    "school": (("小学", "Primary School"), ("中学", "Middle School")),
    "hospital": (("医院", "Hospital"),),
    "mall": (("广场", "Plaza"), ("商场", "Shopping Mall")),
}


def _stems(rng: Random) -> Iterator[Name]:
    stems = [(a + b, x + y) for a, x in _FIRST for b, y in _SECOND]
    rng.shuffle(stems)
    yield from stems
    for number in range(2, 1000):
        yield from ((f"{zh}{number}", f"{en}{number}") for zh, en in stems)


def street_names(rng: Random) -> Iterator[Name]:
    """Yield different street names, practically without end."""
    for zh, en in _stems(rng):
        yield f"{zh}路", f"{en} Road"


def building_names(kind: str, rng: Random) -> Iterator[Name]:
    """Yield different names of buildings of one kind."""
    for zh, en in _stems(rng):
        ending_zh, ending_en = rng.choice(_ENDINGS[kind])
        yield f"{zh}{ending_zh}", f"{en} {ending_en}"


def lane_name(street: Name, number: int) -> Name:
    """Name a lane by its street, as Shanghai does.

    >>> lane_name(("江宁路", "Jiangning Road"), 488)
    ('江宁路488弄', 'Lane 488, Jiangning Road')
    """
    return f"{street[0]}{number}弄", f"Lane {number}, {street[1]}"
