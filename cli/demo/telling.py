"""Timeline lines in words for someone who has never seen Jingwei; the rest is left out."""

from cli.output import clean, local, shorten
from infra.ledger.live import EntryLine

_WORDS = {
    "reported": "OPENED   新警情",
    "assigned": "assigned 派警  ",
    "short": "short    缺力量",
    "stamp": "arrived  到场  ",
    "merged": "merged   并案  ",
    "state": "CLOSED   结案  ",
}


def say(line: EntryLine) -> str | None:
    """Return a line of text, None for one that only insiders would miss."""
    entry = line.entry
    if entry.kind not in _WORDS:
        return None
    if entry.kind == "stamp" and not entry.text.endswith(" on_scene"):
        return None
    if entry.kind == "state" and not entry.text.endswith("→ closed"):
        return None
    text = {
        "reported": f"{line.severity} {line.title}",
        "stamp": entry.text.removesuffix(" on_scene"),
        "state": "; ".join(entry.reasons),
    }.get(entry.kind, entry.text)
    number = line.number.rpartition("-")[2]
    return clean(
        f"{local(entry.at, '%H:%M:%S')}  #{number}  {_WORDS[entry.kind]}  {shorten(text, 100)}"
    )
