"""Timeline lines for people who see Jingwei for the first time; other lines are left out."""

from cli.output import clean, language, local, shorten
from infra.ledger.live import EntryLine
from schemas import words
from schemas.records import Reason

_WORDS = {
    "reported": "OPENED   新警情",
    "assigned": "assigned 派警  ",
    "short": "short    缺力量",
    "stamp": "arrived  到场  ",
    "merged": "merged   并案  ",
    "state": "CLOSED   结案  ",
}


def say(line: EntryLine) -> str | None:
    """Return a line of text, or None for lines that only insiders would miss."""
    entry = line.entry
    if entry.kind not in _WORDS:
        return None
    if entry.kind == "stamp" and entry.after != "on_scene":
        return None
    if entry.kind == "state" and entry.after != "closed":
        return None
    text = words.render(entry.said, language())
    if entry.kind == "reported":
        text = f"{line.severity} {line.title}"
    elif entry.kind == "stamp":
        text = _who(entry.said)
    elif entry.kind == "state":
        text = words.together(entry.reasons, language())
    number = line.number.rpartition("-")[2]
    return clean(
        f"{local(entry.at, '%H:%M:%S')}  #{number}  {_WORDS[entry.kind]}  {shorten(text, 100)}"
    )


def _who(stamped: Reason) -> str:
    """Return the unit of a stamp; the whole sentence where an earlier version wrote it."""
    if stamped.code != "unit_stamped":
        return words.render(stamped, language())
    return f"{stamped.values['name']} ({stamped.values['unit']})"
