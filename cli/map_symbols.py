"""Shapes, colours and words of the map: each state has a shape or a letter beside its colour."""

from collections.abc import Callable

from matplotlib import font_manager
from matplotlib.lines import Line2D

from schemas import codes
from schemas.kinds import UNKNOWN
from schemas.records import Assignment, Incident
from schemas.snapshot import Snapshot

STATIONS = {
    "fire_station": ("s", "#b3261e", "F", "消防站 Fire station"),
    "police_post": ("s", "#1f4e9e", "P", "派出所 Police post"),
    "traffic_post": ("s", "#4a78c2", "T", "交警 Traffic post"),
    "hospital": ("P", "#0a7d4f", "", "医院 Hospital"),
    "ambulance_post": ("s", "#0a7d4f", "A", "急救站 Ambulance post"),
}
SEVERITIES = {
    "unknown": ("p", "#8a2be2", 230),
    "P1": ("^", "#d00000", 230),
    "P2": ("D", "#f0620a", 150),
    "P3": ("s", "#e0a400", 140),
    "P4": ("o", "#2a8fc7", 140),
}
UNITS = {
    "available": ("o", "#3aa655", "待命 Available"),
    "dispatched": (">", "#6a3fd0", "已派 Dispatched"),
    "en_route": (">", "#1c6dd0", "赶赴 En route"),
    "on_scene": ("X", "#111111", "到场 On scene"),
    "transporting": ("*", "#c2188b", "转运 Transporting"),
    "returning": ("<", "#3aa655", "返回 Returning"),
    "out_of_service": ("x", "#7a7f85", "停用 Out of service"),
}
LIKE = {
    "acknowledged": "dispatched",
    "staging": "en_route",
    "at_facility": "transporting",
}
ROUTE, CLOSED = "#1c6dd0", "#d00000"


class Words:
    """Texts of the map, with or without Chinese."""

    def __init__(self, *, chinese: bool) -> None:
        self.chinese = chinese

    def say(self, both: str, english: str) -> str:
        """Return a text in both languages, or the English one."""
        return both if self.chinese else english

    def only(self, both: str) -> str:
        """Return a label in both languages, or its English part if there is no font for Chinese."""
        return both if self.chinese else both.partition(" ")[2]

    def names(self, code: codes.Code) -> str:
        """Return a code's names."""
        return f"{code.zh} {code.en}" if self.chinese else code.en

    def readable(self, text: str) -> str:
        """Return a text, or an empty one if there is no font for it."""
        return text if self.chinese or text.isascii() else ""


def severity_letter(severity: str) -> str:
    """Return what stands in an incident's symbol: the number of its severity, or a question."""
    return "?" if severity == UNKNOWN else severity[1]


def active(snapshot: Snapshot, incident: Incident | None = None) -> list[Assignment]:
    """Return the active assignments of one incident, or of all."""
    return [
        a
        for a in snapshot.assignments
        if a.ended is None and (incident is None or a.incident == incident.id)
    ]


def mark(
    marker: str, colour: str, label: str, size: float, *, hollow: bool = False, letter: str = ""
) -> Line2D:
    """Return a legend's symbol."""
    return Line2D(
        [], [], linestyle="none", marker=f"$\\mathbf{{{letter}}}$" if letter else marker,
        markersize=size - 1 if letter else size,
        markerfacecolor=colour, markeredgecolor=colour if hollow or marker == "x" else "white",
        markeredgewidth=0.4 if letter else 1.0, label=label,
    )  # fmt: skip


def chinese_font(say: Callable[[str], None]) -> list[str]:
    """Return a list with the name of a font for Chinese, or an empty list."""
    for wanted in ("Noto Sans CJK SC", "Noto Sans CJK", "WenQuanYi", "Noto Serif CJK"):
        for font in font_manager.fontManager.ttflist:
            if font.name.startswith(wanted):
                return [font.name]
    # The list is cached from its first use: a font installed since is not in it.
    paths = sorted(font_manager.findSystemFonts())
    for names in (("SansCJK-Regular", "SansCJK-Bold"), ("wqy",)):
        found = [path for path in paths if any(name in path for name in names)]
        for path in found:
            font_manager.fontManager.addfont(path)
        if found:
            return [font_manager.FontProperties(fname=found[-1]).get_name()]
    say("no font for Chinese, so the map has English names: sudo apt-get install fonts-noto-cjk")
    return []
