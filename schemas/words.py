"""Words for reasons: the code and values that are remembered become a sentence where it is read.

The words stand in the table ``reasons`` (``schemas/codes/reasons.json``), Chinese and English,
with the names of their values in braces and Python's format behind a colon.

>>> render(because("seconds_away", seconds=81.4))
'81 s away'
>>> render(because("seconds_away", seconds=81.4), "zh")
'81 秒可到'
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from schemas import codes
from schemas.records import Reason, Shortage

Language = Literal["en", "zh"]
Value = str | int | float | Reason | tuple[Reason, ...]
"""What words can name; a reason, or several, in words of their own."""

_BETWEEN = {"en": "; ", "zh": "；"}
_ITEMS = {"en": ", ", "zh": "、"}
_AS_IT_IS = (str, int, float)
"""Types of values that are English words, or no words: every entry has dozens of them."""
_LISTS = frozenset(("units", "requirements", "plan", "plan_before", "readings", "signs"))
"""Values that are a list of things; other lists are sentences."""


def because(code: str, **values: Value) -> Reason:
    """Return a reason of this code; the values are those that its words name."""
    return Reason(code=code, values=values)


def said(text: str) -> Reason:
    """Return a reason that somebody gave in words of their own."""
    return because("said", text=text)


def by_word(text: str | None) -> tuple[Reason, ...]:
    """Return the reason that somebody gave in words of their own, if he gave one."""
    return (said(text),) if text and text.strip() else ()


def by_actor(actor: str) -> Reason:
    """Return the reason that somebody, or something, did it."""
    return because("by_actor", actor=actor)


def each_said(texts: Iterable[str]) -> tuple[Reason, ...]:
    """Return reasons that somebody gave in words of their own."""
    return tuple(map(said, texts))


def render(reason: Reason, language: Language = "en") -> str:
    """Return a reason in words.

    One whose code or values are not known here, as from newer software, is shown as it is.
    """
    row = codes.reasons().get(reason.code)
    as_it_is = _AS_IT_IS if language == "en" else ()
    values = {
        name: value if type(value) in as_it_is else _named(name, value, language)
        for name, value in reason.values.items()
    }
    try:
        return _template(row, language).format(**values)
    except (LookupError, ValueError):
        told = ", ".join(f"{name} {value}" for name, value in values.items())
        return f"{reason.code}: {told}" if told else reason.code


def each(reasons: Iterable[Reason], language: Language = "en") -> tuple[str, ...]:
    """Return reasons in words, each by itself."""
    return tuple(render(reason, language) for reason in reasons)


def together(reasons: Iterable[Reason], language: Language = "en") -> str:
    """Return reasons as one sentence."""
    return _BETWEEN[language].join(each(reasons, language))


def lacks(short: Iterable[Shortage]) -> tuple[Reason, ...]:
    """Return what is short as reasons, to be said within others."""
    return tuple(
        because("short_of", capability=one.capability, count=one.count, why=one.why)
        for one in short
    )


def shortage(short: Shortage, language: Language = "en") -> str:
    """Return what is short in words, such as ``pump×2: no free unit has it``."""
    return short_of((short,), language)


def shortages(short: Iterable[Shortage], language: Language = "en") -> tuple[str, ...]:
    """Return all that is short in words, each by itself."""
    return each(lacks(short), language)


def short_of(short: Iterable[Shortage], language: Language = "en") -> str:
    """Return all that is short as one sentence."""
    return together(lacks(short), language)


def _template(row: codes.Code | None, language: Language) -> str:
    if row is None:
        raise LookupError
    return row.zh if language == "zh" else row.en


_TABLES: dict[str, Callable[[], dict[str, Any]]] = {
    "alert_kind": codes.alert_kinds,
    "capability": codes.capabilities,
    "category": codes.categories,
    "disposition": codes.dispositions,
    "state": codes.incident_states,
    "unit_kind": codes.unit_kinds,
    "unit_state": codes.unit_states,
}
"""By the name of a value, the table of its codes."""

_CHINESE = {
    "condition_kind": {
        "closure": "封路",
        "lane_closure": "车道封闭",
        "speed_factor": "缓行",
        "flood_depth": "积水",
    },
    "severity": {"unknown": "未知"},
    "source": {"sensor": "传感器", "report": "报警"},
    "sign": {
        "told": "转述",
        "fiction": "影视虚构",
        "sport": "体育",
        "trade": "买卖",
        "work": "工作",
        "feeling": "感受",
        "likeness": "比喻",
        "question": "询问",
        "notice": "通知",
        "past": "往事",
        "elsewhere": "别处",
        "over": "已结束",
        "hypothetical": "假设",
    },
    "text_source": {"address": "地址", "description": "描述"},
    "place_kind": {"street": "道路", "crossing": "路口", "address": "地址"},
}
"""Names of codes that have no table, or are told by their codes but for these."""


def _named(name: str, value: Value, language: Language) -> str | int | float:
    """Return a value in words: a reason's own, and the Chinese name of a code."""
    if isinstance(value, Reason):
        return render(value, language)
    if isinstance(value, tuple):
        between = _ITEMS if name in _LISTS else _BETWEEN
        return between[language].join(each(value, language))
    if language == "en":
        return value
    kind = name.removesuffix("_before").removesuffix("_other")
    if kind in _TABLES:
        row = _TABLES[kind]().get(str(value))
        return value if row is None else str(row.zh)
    return _CHINESE.get(kind, {}).get(str(value), value)
