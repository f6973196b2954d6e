"""The audit's chain: whatever is changed, removed, moved or added is found."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.audit_chain import NOTHING, Chain, Head, Link, hash_of


def chain(texts: list[str], previous: str = NOTHING) -> list[Link]:
    """Return a chain of rows with these texts."""
    links = []
    for number, text in enumerate(texts, 1):
        row = json.dumps([number, text], ensure_ascii=False)
        links.append(Link(number, previous, hash_of(previous, row), row))
        previous = links[-1].hash
    return links


def fault(links: list[Link], noted: Head | None = None) -> str | None:
    """Return the first thing that is wrong with rows."""
    checked = Chain(noted)
    return next(filter(None, map(checked.follow, links)), None) or checked.end()


texts = st.lists(st.text(max_size=8).filter(str.isprintable), min_size=1, max_size=8)


@given(texts, st.data())
def test_any_tampering_is_found(said: list[str], data: st.DataObject) -> None:
    links = chain(said)
    noted = Head(links[-1].id, links[-1].hash)
    assert fault(links) is fault(links, noted) is None
    at = data.draw(st.integers(0, len(links) - 1))
    one = links[at]
    how = data.draw(st.sampled_from(["row", "hash", "previous", "id", "removed", "moved", "twice"]))
    rest = links[:at] + links[at + 1 :]
    match how:
        case "row":
            spoilt = [
                *links[:at],
                msgspec.structs.replace(one, row=one.row + " "),
                *links[at + 1 :],
            ]
        case "hash" | "previous":
            other = {how: hash_of(one.hash, "x")}
            spoilt = [*links[:at], msgspec.structs.replace(one, **other), *links[at + 1 :]]
        case "id":
            spoilt = [*links[:at], msgspec.structs.replace(one, id=one.id + 100), *links[at + 1 :]]
        case "removed":
            spoilt = rest
        case "moved":
            to = data.draw(st.integers(0, len(rest)))
            spoilt = [*rest[:to], one, *rest[to:]]
            if spoilt == links:
                return
        case _:
            spoilt = [*links[: at + 1], one, *links[at + 1 :]]
    assert fault(spoilt, noted) is not None


def test_the_first_broken_row_is_named() -> None:
    links = chain(["a", "b", "c", "d"])
    changed = msgspec.structs.replace(links[2], row='[3, "C"]')
    assert fault([*links[:2], changed, links[3]]).startswith("row 3 was changed")
    assert fault([links[0], *links[2:]]).startswith("row 3 does not follow row 1")
    assert fault(links[1:]).startswith("row 2 does not follow the beginning")


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_tail_that_is_cut_off_is_found_by_what_was_noted(left: int) -> None:
    links = chain(["a", "b", "c", "d"])
    assert fault(links[:left]) is None
    assert "cut off" in fault(links[:left], Head(4, links[3].hash))


def test_a_chain_made_anew_is_found_by_what_was_noted() -> None:
    anew = chain(["a", "B", "c", "d", "e"])
    assert fault(anew) is None
    assert "made anew" in fault(anew, Head(4, chain(["a", "b", "c", "d"])[3].hash))
